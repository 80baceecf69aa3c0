// Answers of the control socket as JSON: see the header.
#include "milter/control_answers.h"

#include <nlohmann/json.hpp>

namespace smtpgate::milter {

namespace {

using Json = nlohmann::json;

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> texts_of(const Json& json, const char* key) {
  std::vector<std::string> result;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) return result;
  for (const Json& one : *found) {
    if (one.is_string()) result.push_back(one.get<std::string>());
  }
  return result;
}

}  // namespace

std::string render_reload_json(const ReloadAnswer& answer, int indent) {
  Json result = {{"taken", answer.taken},
                 {"under_way", answer.under_way},
                 {"configuration", answer.configuration},
                 {"errors", answer.errors},
                 {"changes", Json::array()},
                 {"restart", answer.restart}};
  for (const ConfigurationChange& one : answer.changes) {
    result["changes"].push_back({{"key", one.key},
                                 {"before", one.before},
                                 {"after", one.after},
                                 {"restart", needs_restart(one.key)}});
  }
  return dump(result, indent);
}

std::optional<ReloadAnswer> parse_reload_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("taken") || !json["taken"].is_boolean()) {
    return std::nullopt;
  }
  ReloadAnswer answer;
  answer.taken = json["taken"].get<bool>();
  answer.under_way = json.value("under_way", Json()) == true;
  answer.configuration = text_of(json, "configuration");
  answer.errors = texts_of(json, "errors");
  answer.restart = texts_of(json, "restart");
  const auto changes = json.find("changes");
  if (changes != json.end() && changes->is_array()) {
    for (const Json& one : *changes) {
      if (!one.is_object()) continue;
      answer.changes.push_back(
          {text_of(one, "key"), text_of(one, "before"), text_of(one, "after")});
    }
  }
  return answer;
}

std::string render_levels_json(const LevelsAnswer& answer, int indent) {
  Json result = {{"problem", answer.problem}, {"areas", Json::array()}};
  for (std::size_t i = 0; i < log_area_count; ++i) {
    result["areas"].push_back({{"area", log_areas[i].name},
                               {"level", severity_name(answer.levels[i])},
                               {"configured", severity_name(answer.configured[i])},
                               {"what", log_areas[i].what}});
  }
  return dump(result, indent);
}

std::optional<LevelsAnswer> parse_levels_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("areas") || !json["areas"].is_array()) {
    return std::nullopt;
  }
  LevelsAnswer answer;
  answer.problem = text_of(json, "problem");
  for (const Json& one : json["areas"]) {
    if (!one.is_object()) continue;
    const auto area = parse_log_area(text_of(one, "area"));
    const auto level = parse_severity(text_of(one, "level"));
    const auto configured = parse_severity(text_of(one, "configured"));
    if (!area || !level || !configured) continue;
    answer.levels[static_cast<std::size_t>(*area)] = *level;
    answer.configured[static_cast<std::size_t>(*area)] = *configured;
  }
  return answer;
}

}  // namespace smtpgate::milter
