#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>
#include <mutex>
#include <tuple>

#include "admission/messages.h"

namespace webhook {
namespace {

using prometheus::Counter;
using prometheus::Registry;

std::string prefixed(std::string_view name) { return "code_executor_webhook_" + std::string(name); }

/// The status codes of the listener. Any other is a bug, and counts as 500.
constexpr std::array kCodes{200, 400, 404, 405, 411, 413, 415, 417, 431, 500, 503, 505};

/// From 50 microseconds, about what a review takes, to 5 seconds, when the API server gives up.
const prometheus::Histogram::BucketBoundaries kBuckets{50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3,
                                                       5e-3,  10e-3,  25e-3,  50e-3,  0.1,  0.25,
                                                       0.5,   1,      2.5,    5};

prometheus::Family<Counter>& counters(Registry& registry, std::string_view name, const char* help) {
  return prometheus::BuildCounter().Name(prefixed(name)).Help(help).Register(registry);
}

prometheus::Family<prometheus::Gauge>& gauges(Registry& registry, std::string_view name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(prefixed(name)).Help(help).Register(registry);
}

/// Of the API server's own text no more than a version has.
constexpr std::size_t kMaxVersionBytes = 64;

/// Counts reloads by their result.
struct Reloads {
  Reloads(Registry& registry, std::string_view name, const char* help)
      : family(counters(registry, name, help)),
        success(family.Add({{"result", "success"}})),
        failure(family.Add({{"result", "failure"}})) {}

  void count(bool ok) { (ok ? success : failure).Increment(); }

  prometheus::Family<Counter>& family;
  Counter& success;
  Counter& failure;
};

/// A counter for each cause of an enumeration.
template <class Cause>
class Causes {
 public:
  template <std::size_t Count>
  Causes(prometheus::Family<Counter>& family, const char* label,
         const std::array<Cause, Count>& causes) {
    for (const Cause cause : causes) {
      counters_.emplace(cause, &family.Add({{label, std::string(to_string(cause))}}));
    }
  }

  void count(Cause cause) const { counters_.at(cause)->Increment(); }

 private:
  std::map<Cause, Counter*> counters_;
};

}  // namespace

class Metrics::State {
 public:
  explicit State(std::string_view version)
      : duration_(prometheus::BuildHistogram()
                      .Name(prefixed("admission_duration_seconds"))
                      .Help("Time that reading a review and deciding it takes.")
                      .Register(registry_)
                      .Add({}, kBuckets)),
        request_duration_(prometheus::BuildHistogram()
                              .Name(prefixed("request_duration_seconds"))
                              .Help("Time from the first byte of a request to its answer.")
                              .Register(registry_)
                              .Add({}, kBuckets)),
        closed_(
            counters(registry_, "connections_closed_total", "Connections to /mutate that ended."),
            "cause", kAllCloseCauses),
        failed_handshakes_(
            counters(registry_, "handshakes_failed_total", "TLS handshakes that failed."), "cause",
            kAllHandshakeFailures),
        certificate_events_(counters(registry_, "managed_certificate_events_total",
                                     "What was done, or failed, for managed certificates."),
                            "event", kAllCertificateEvents),
        certificate_(registry_, "certificate_reloads_total",
                     "Times that a changed serving certificate was read."),
        config_(registry_, "config_reloads_total", "Times that a changed configuration was read."),
        in_flight_(gauges(registry_, "in_flight_requests", "Requests being answered.").Add({})),
        connections_(gauges(registry_, "open_connections", "Connections to /mutate.").Add({})),
        lost_lines_(
            counters(registry_, "log_lines_lost_total", "Lines of the log that nobody took.")
                .Add({})),
        version_info_(gauges(registry_, "cluster_version_info", "The API server's version.")),
        version_age_(gauges(registry_, "cluster_version_age_seconds",
                            "Seconds since the API server last told its version.")),
        sandbox_fields_(gauges(registry_, "cluster_sandbox_fields",
                               "1 for what the API server does with hostUsers and procMount.")),
        kept_(sandbox_fields_.Add({{"state", "kept"}})),
        dropped_(sandbox_fields_.Add({{"state", "dropped"}})),
        unknown_(sandbox_fields_.Add({{"state", "unknown"}})),
        nodes_(gauges(registry_, "nodes",
                      "Nodes, by whether they can run the sandbox; 0 while they are not known.")),
        good_nodes_(nodes_.Add({{"state", "good"}})),
        bad_nodes_(nodes_.Add({{"state", "bad"}})),
        unknown_nodes_(nodes_.Add({{"state", "unknown"}})),
        node_awareness_(
            gauges(registry_, "node_awareness", "1 for whether the cluster's nodes are known.")),
        nodes_known_(node_awareness_.Add({{"state", "known"}})),
        nodes_not_known_(node_awareness_.Add({{"state", "not_known"}})),
        nodes_off_(node_awareness_.Add({{"state", "off"}})),
        expiry_(gauges(registry_, "certificate_expiry_timestamp_seconds",
                       "When the serving certificate in use expires, in Unix time.")
                    .Add({})),
        authority_expiry_(
            gauges(registry_, "certificate_authority_expiry_timestamp_seconds",
                   "When the youngest managed CA expires, in Unix time; 0 without one.")
                .Add({})) {
    gauges(registry_, "build_info", "The version of this program.")
        .Add({{"version", std::string(version)}})
        .Set(1);
    auto& reviews = counters(registry_, "admission_requests_total",
                             "Reviews answered, by what became of the pod and why.");
    for (const Outcome outcome : kAllOutcomes) {
      for (const Reason reason : kAllReasons) {
        if (!can_lead_to(reason, outcome)) continue;
        for (const bool dry_run : {false, true}) {
          reviews_.emplace(std::tuple(outcome, reason, dry_run),
                           &reviews.Add({{"outcome", std::string(to_string(outcome))},
                                         {"reason", std::string(to_string(reason))},
                                         {"dry_run", dry_run ? "true" : "false"}}));
        }
      }
    }
    auto& responses =
        counters(registry_, "http_responses_total", "Answers of the HTTPS listener, by status.");
    for (const int code : kCodes) {
      responses_.emplace(code, &responses.Add({{"code", std::to_string(code)}}));
    }
  }

  void count_review(Outcome outcome, Reason reason, bool dry_run, double seconds) {
    reviews_.at({outcome, reason, dry_run})->Increment();
    duration_.Observe(seconds);
  }

  void count_response(int code) {
    const auto counter = responses_.find(code);
    (counter == responses_.end() ? responses_.at(500) : counter->second)->Increment();
  }

  void count_request(double seconds) { request_duration_.Observe(seconds); }
  void count(CloseCause cause) const { closed_.count(cause); }
  void count(HandshakeFailure why) const { failed_handshakes_.count(why); }
  void count(CertificateEvent event) const { certificate_events_.count(event); }

  Reloads& certificate() { return certificate_; }
  Reloads& config() { return config_; }

  std::string to_text(const Gauges& values) {
    const std::lock_guard lock(mutex_);
    in_flight_.Set(static_cast<double>(values.in_flight_requests));
    connections_.Set(static_cast<double>(values.open_connections));
    lost_lines_.Increment(static_cast<double>(values.lost_log_lines) - lost_lines_.Value());
    const std::chrono::duration<double> expiry = values.certificate_expires_at.time_since_epoch();
    expiry_.Set(expiry.count());
    const std::chrono::duration<double> authority = values.authority_expires_at.time_since_epoch();
    authority_expiry_.Set(authority.count());
    set_version(values.cluster_git_version);
    if (const auto age = values.cluster_version_age) version_age_.Add({}).Set(age->count());
    const auto drops = values.cluster_drops_sandbox;
    kept_.Set(drops == false ? 1 : 0);
    dropped_.Set(drops == true ? 1 : 0);
    unknown_.Set(drops ? 0 : 1);
    set_nodes(values);
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  void set_version(const std::string& git_version) {
    if (git_version == version_) return;
    if (version_gauge_ != nullptr) version_info_.Remove(version_gauge_);
    version_gauge_ =
        &version_info_.Add({{"git_version", to_printable(git_version, kMaxVersionBytes)}});
    version_gauge_->Set(1);
    version_ = git_version;
  }

  void set_nodes(const Gauges& values) {
    const NodeCounts counts = values.nodes.value_or(NodeCounts{});
    good_nodes_.Set(static_cast<double>(counts.good));
    bad_nodes_.Set(static_cast<double>(counts.bad));
    unknown_nodes_.Set(static_cast<double>(counts.unknown));
    nodes_known_.Set(values.nodes ? 1 : 0);
    nodes_not_known_.Set(values.looks_at_nodes && !values.nodes ? 1 : 0);
    nodes_off_.Set(values.looks_at_nodes ? 0 : 1);
  }

  Registry registry_;
  std::map<std::tuple<Outcome, Reason, bool>, Counter*> reviews_;
  std::map<int, Counter*> responses_;
  prometheus::Histogram& duration_;
  prometheus::Histogram& request_duration_;
  Causes<CloseCause> closed_;
  Causes<HandshakeFailure> failed_handshakes_;
  Causes<CertificateEvent> certificate_events_;
  Reloads certificate_;
  Reloads config_;

  std::mutex mutex_;  ///< Of the gauges, which a scrape sets.
  prometheus::Gauge& in_flight_;
  prometheus::Gauge& connections_;
  Counter& lost_lines_;
  prometheus::Family<prometheus::Gauge>& version_info_;
  prometheus::Family<prometheus::Gauge>& version_age_;
  prometheus::Family<prometheus::Gauge>& sandbox_fields_;
  prometheus::Gauge& kept_;
  prometheus::Gauge& dropped_;
  prometheus::Gauge& unknown_;
  prometheus::Family<prometheus::Gauge>& nodes_;
  prometheus::Gauge& good_nodes_;
  prometheus::Gauge& bad_nodes_;
  prometheus::Gauge& unknown_nodes_;
  prometheus::Family<prometheus::Gauge>& node_awareness_;
  prometheus::Gauge& nodes_known_;
  prometheus::Gauge& nodes_not_known_;
  prometheus::Gauge& nodes_off_;
  prometheus::Gauge& expiry_;
  prometheus::Gauge& authority_expiry_;
  prometheus::Gauge* version_gauge_ = nullptr;
  std::string version_;
};

Metrics::Metrics(std::string_view version) : state_(std::make_unique<State>(version)) {}
Metrics::~Metrics() = default;

void Metrics::count_review(Outcome outcome, Reason reason, bool dry_run,
                           std::chrono::duration<double> time) {
  state_->count_review(outcome, reason, dry_run, time.count());
}
void Metrics::count_response(int code) { state_->count_response(code); }
void Metrics::count_request(std::chrono::duration<double> time) {
  state_->count_request(time.count());
}
void Metrics::count_closed(CloseCause cause) { state_->count(cause); }
void Metrics::count_failed_handshake(HandshakeFailure why) { state_->count(why); }
void Metrics::count_certificate_reload(bool ok) { state_->certificate().count(ok); }
void Metrics::count_certificate_event(CertificateEvent event) { state_->count(event); }
void Metrics::count_config_reload(bool ok) { state_->config().count(ok); }
std::string Metrics::to_text(const Gauges& gauges) const { return state_->to_text(gauges); }

}  // namespace webhook
