#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/kube_version.h"
#include "base/result.h"
#include "kube/api_server_answers.h"
#include "kube/client.h"
#include "kube/http_exchange.h"

namespace webhook {

/// A PodTemplate with what the sandbox rests on: `hostUsers: false` and `procMount: Unmasked`. The
/// API server does to its fields what it does to a pod's (kubernetes/kubernetes pkg/api/pod/util.go
/// DropDisabledTemplateFields), but nothing ever runs it: to be allowed to create one, be it for
/// good, gives no power over the cluster, as to create pods would.
std::string_view probe_body();

/// Where to POST probe_body(): a dry run, which stores nothing.
std::string probe_path(std::string_view ns);

/// True if the API server's answer to the probe says that a sandboxed pod would lose a field, or
/// be refused for the lack of one. Error: it says neither.
Result<bool> drops_sandbox(const HttpResponse& answer);

/// Asks for the version and, from `probe_from` on, sends the probe, both over one new connection,
/// lest they are of two API servers behind one address. Older ones are not probed: they are too old
/// anyway. Error: there is no version.
///
/// The probe shows whether the API server takes the sandbox out of pods: feature gates
/// UserNamespacesSupport and ProcMountType can be switched off up to 1.35, which its version does
/// not tell.
Result<ApiServerAnswer> ask_api_server(const KubeClient& client, KubeVersion probe_from,
                                       const std::stop_token& stop);

}  // namespace webhook
