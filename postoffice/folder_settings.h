// GLB/postoffice.toml: reading it strictly, and writing the commented one that init makes. Internal
// to this room; the keys are described in docs/postoffice-format.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "postoffice/postoffice.h"
#include "postoffice/time_zone.h"

namespace smtpgate::postoffice {

struct FolderSettings {
  PostofficeSettings settings;
  std::shared_ptr<const TimeZone> zone;
};

/// Errors as lines "FILE:LINE: what; what to do", in file order.
tl::expected<FolderSettings, std::vector<std::string>> parse_folder_settings(
    std::string_view text, const std::string& path);

/// Every key with a comment; those that have their default are commented out.
std::string render_folder_settings(const PostofficeSettings& settings);

}  // namespace smtpgate::postoffice
