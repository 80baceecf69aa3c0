// Areas, levels, and the file that carries them to other processes: see the header.
#include "milter/log_area.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

#include "postoffice/file_system.h"

namespace smtpgate::milter {

using postoffice::FileSystem;

namespace {

constexpr std::array<std::string_view, 4> severity_names = {"debug", "info", "warning", "error"};
constexpr std::size_t longest_levels_file = 4096;

std::string levels_path(const std::string& work) {
  return work + "/log_levels";
}

}  // namespace

std::string_view severity_name(Severity severity) {
  return severity_names[static_cast<std::size_t>(severity)];
}

std::optional<Severity> parse_severity(std::string_view name) {
  for (std::size_t i = 0; i < severity_names.size(); ++i) {
    if (severity_names[i] == name) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

std::optional<LogArea> parse_log_area(std::string_view name) {
  for (const LogAreaDefinition& one : log_areas) {
    if (one.name == name) return one.area;
  }
  return std::nullopt;
}

std::string_view log_area_name(LogArea area) {
  return log_areas[static_cast<std::size_t>(area)].name;
}

AreaLevels usual_levels() {
  AreaLevels levels{};
  levels.fill(Severity::info);
  return levels;
}

AreaLevels LogLevels::all() const {
  AreaLevels levels{};
  for (std::size_t i = 0; i < log_area_count; ++i) levels[i] = levels_[i];
  return levels;
}

AreaLevels with_levels_of_the_moment(const std::string& work, AreaLevels levels) {
  auto file = FileSystem::posix().open(levels_path(work));
  if (!file) return levels;
  std::string text(longest_levels_file, '\0');
  const auto count = (*file)->read(text);
  if (!count) return levels;
  std::string_view rest = std::string_view(text).substr(0, *count);
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const auto area = parse_log_area(line.substr(0, blank));
    const auto level = parse_severity(line.substr(blank + 1));
    if (area && level) levels[static_cast<std::size_t>(*area)] = *level;
  }
  return levels;
}

bool write_levels_of_the_moment(const std::string& work, const AreaLevels& levels,
                                const AreaLevels& configured) {
  FileSystem& files = FileSystem::posix();
  std::string text;
  for (std::size_t i = 0; i < log_area_count; ++i) {
    if (levels[i] == configured[i]) continue;
    text += fmt::format("{} {}\n", log_areas[i].name, severity_name(levels[i]));
  }
  if (text.empty()) {
    const auto removed = files.remove(levels_path(work));
    return removed || removed.error().code == ENOENT;
  }
  const std::string fresh = fmt::format("{}.{}", levels_path(work), ::getpid());
  (void)files.remove(fresh);
  auto file = files.create(fresh, 0600);
  if (!file || !(*file)->write(text)) return false;
  return files.rename(fresh, levels_path(work)).has_value();
}

}  // namespace smtpgate::milter
