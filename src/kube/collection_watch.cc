#include "kube/collection_watch.h"

#include <utility>

namespace webhook {
namespace {

/// Beyond the time that the server was asked to take.
constexpr std::chrono::seconds kGrace{30};

/// Objects change in crowds, as in a rollout: read together they cost a fraction.
constexpr std::chrono::milliseconds kGathering{100};

}  // namespace

CollectionWatch::CollectionWatch(KubeClient client, Options options)
    : client_(std::move(client)), options_(std::move(options)), steps_(options_.collection) {}

CollectionWatch::~CollectionWatch() = default;

void CollectionWatch::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void CollectionWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto delay = advance(stop);
    std::unique_lock lock(mutex_);
    // Nothing but a stop ends the wait early.
    wake_.wait_for(lock, stop, delay, [] { return false; });
  }
}

std::chrono::milliseconds CollectionWatch::advance(const std::stop_token& stop) {
  const std::string path = steps_.path(options_.chance());
  const bool is_page = steps_.is_listing();
  const Ended ended = is_page ? read_page(path, stop) : read_events(path, stop);
  if (stop.stop_requested()) return {};  // a cut call says nothing
  if (!ended.problem.empty()) options_.on_failure(ended.problem, ended.is_forbidden);
  if (is_page && ended.end == CallEnd::kInOrder) return {};
  return steps_.note_end(ended.end, options_.chance());
}

CollectionWatch::Ended CollectionWatch::read_page(const std::string& path,
                                                  const std::stop_token& stop) {
  const auto answer = client_.send({.path = path, .max_body_bytes = kMaxPageBytes}, stop);
  if (!answer) return {.end = CallEnd::kCut, .problem = answer.error().message};
  if (answer->status != 200) return ended_with(answer->status);
  if (steps_.is_first_page()) {
    objects_ = 0;
    options_.receiver.begin();
  }
  JsonParser parser;  // too large to keep
  const auto page = read_list_page(parser, answer->body, options_.receiver.found);
  if (!page) return refused(page.error().message);
  objects_ += page->objects;
  if (objects_ > options_.max_objects) {
    return refused("over " + std::to_string(options_.max_objects) + " objects");
  }
  steps_.note_page(page->resource_version, page->next);
  if (!steps_.is_listing()) options_.receiver.complete();
  options_.on_success();
  return {};
}

CollectionWatch::Ended CollectionWatch::read_events(const std::string& path,
                                                    const std::stop_token& stop) {
  JsonParser parser;
  Ended ended;
  bool has_told = false;
  const auto read_object = [this](WatchEventType type, const JsonValue& object) {
    (type == WatchEventType::kDeleted ? options_.receiver.deleted
                                      : options_.receiver.changed)(object);
  };
  const auto read_line = [&](std::string_view line) {
    const auto event = read_watch_event(parser, line, read_object);
    if (!event) {
      ended = refused(event.error().message);
    } else if (event->type == WatchEventType::kError) {
      ended = ended_with(static_cast<int>(event->code));
    } else {
      steps_.note_event(event->resource_version);
      if (!std::exchange(has_told, true)) options_.on_success();
    }
    return ended.end == CallEnd::kInOrder;
  };
  const auto answer = client_.get_lines(path, read_line,
                                        {.max_line_bytes = kMaxLineBytes,
                                         .time = 3 * WatchSteps::kWatchTime / 2 + kGrace,
                                         .gathering = kGathering},
                                        stop);
  if (ended.end != CallEnd::kInOrder) return ended;
  if (!answer) return {.end = CallEnd::kCut, .problem = has_told ? "" : answer.error().message};
  return answer->status == 200 ? Ended{} : ended_with(answer->status);
}

CollectionWatch::Ended CollectionWatch::ended_with(int status) const {
  if (status == 410)
    return {.end = CallEnd::kRefused};  // our version is too old: all is listed anew
  Ended ended = refused("status " + std::to_string(status));
  ended.is_forbidden = status == 401 || status == 403;
  if (ended.is_forbidden) {
    ended.problem +=
        " (expected a role that allows list and watch on it, as the ClusterRole of "
        "manifests/base does)";
  }
  return ended;
}

CollectionWatch::Ended CollectionWatch::refused(const std::string& why) const {
  return {.end = CallEnd::kRefused,
          .problem = "GET " + client_.address() + options_.collection + ": " + why};
}

}  // namespace webhook
