#include "admission/installer_edits.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/json_reader.h"

namespace webhook {
namespace {

/// The same image, or one of the same digest from another registry.
bool is_image_of_ours(std::string_view image, std::string_view configured) {
  if (image == configured) return true;
  const std::size_t digest = configured.rfind('@');
  return digest != std::string_view::npos && image.ends_with(configured.substr(digest));
}

bool is_token_mount(const JsonValue& mount) {
  std::size_t members = 0;
  mount.for_each_member([&](std::string_view, const JsonValue&) { ++members; });
  const JsonValue name = mount.field("name");
  const JsonValue path = mount.field("mountPath");
  const JsonValue read_only = mount.field("readOnly");
  return members == 3 && name.string().starts_with(kTokenVolume) && path.string() == kTokenPath &&
         read_only.boolean() == true;
}

/// Collects the edits of one container.
class Comparison {
 public:
  explicit Comparison(const Sandbox& sandbox) : ours_(sandbox.installer) {}

  void compare(const JsonValue& container) {
    container.for_each_member(
        [this](std::string_view key, const JsonValue& value) { compare_member(key, value); });
    set_unless(has_image_, "/image", ours_.image);
    set_unless(has_command_, "/command", ours_.command);
    set_unless(has_context_, "/securityContext", ours_.security_context);
    set_unless(has_mounts_, "/volumeMounts", ours_.volume_mounts);
  }

  [[nodiscard]] std::vector<Edit> take() {
    if (is_unknown_) return {{Edit::Operation::kReplace, "", &ours_.whole.text}};
    return std::move(edits_);
  }

 private:
  void compare_member(std::string_view key, const JsonValue& value) {
    if (std::find(kFieldsLeft.begin(), kFieldsLeft.end(), key) != kFieldsLeft.end()) return;
    if (key == "image") {
      has_image_ =
          is_image_of_ours(value.string(), ours_.image.value.get_ref<const std::string&>());
    } else if (key == "command") {
      has_command_ = value.matches(ours_.command.value);
    } else if (key == "securityContext") {
      has_context_ = value.matches(ours_.security_context.value);
    } else if (key == "volumeMounts") {
      has_mounts_ = true;
      compare_mounts(value);
    } else if (!is_default(key, value)) {
      remove_member(key);
    }
  }

  static bool is_default(std::string_view key, const JsonValue& value) {
    return std::any_of(kDefaults.begin(), kDefaults.end(), [&](const auto& is_default) {
      return key == is_default.first && value.matches(is_default.second);
    });
  }

  void remove_member(std::string_view key) {
    const auto* known = std::find(kFieldsOfOthers.begin(), kFieldsOfOthers.end(), key);
    if (known == kFieldsOfOthers.end()) {
      is_unknown_ = true;
    } else {
      push({Edit::Operation::kRemove, '/' + std::string(*known), nullptr});
    }
  }

  /// What differs in more places is replaced as a whole, so that no body makes a list of edits that
  /// is larger than itself.
  void push(Edit edit) {
    if (edits_.size() == kMostInstallerEdits) {
      is_unknown_ = true;
    } else {
      edits_.push_back(std::move(edit));
    }
  }

  /// Ours in their order, with one token among them. What stands where one of ours belongs is
  /// replaced, what is left over removed from the back, what is missing appended.
  void compare_mounts(const JsonValue& mounts) {
    std::size_t ours = 0;
    bool has_token = false;
    std::vector<std::size_t> left_over;
    mounts.for_each([&](const JsonValue& mount, std::size_t index) {
      if (!has_token && is_token_mount(mount)) {
        has_token = true;
      } else if (ours == ours_.mounts.size()) {
        is_unknown_ = is_unknown_ || left_over.size() == kMostInstallerEdits;
        if (!is_unknown_) left_over.push_back(index);
      } else {
        const Fragment& want = ours_.mounts[ours++];
        if (mount.matches(want.value)) return;
        push({Edit::Operation::kReplace, mount_place(index), &want.text});
      }
    });
    for (auto index = left_over.rbegin(); index != left_over.rend(); ++index) {
      push({Edit::Operation::kRemove, mount_place(*index), nullptr});
    }
    for (; ours < ours_.mounts.size(); ++ours) {
      push({Edit::Operation::kAdd, "/volumeMounts/-", &ours_.mounts[ours].text});
    }
  }

  static std::string mount_place(std::size_t index) {
    return "/volumeMounts/" + std::to_string(index);
  }

  void set_unless(bool is_there, const char* place, const Fragment& fragment) {
    if (!is_there) push({Edit::Operation::kAdd, place, &fragment.text});
  }

  const Installer& ours_;
  std::vector<Edit> edits_;
  bool has_image_ = false;
  bool has_command_ = false;
  bool has_context_ = false;
  bool has_mounts_ = false;
  bool is_unknown_ = false;
};

}  // namespace

std::vector<Edit> to_installer_edits(const JsonValue& container, const Sandbox& sandbox) {
  Comparison comparison(sandbox);
  comparison.compare(container);
  return comparison.take();
}

}  // namespace webhook
