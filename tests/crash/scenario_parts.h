// What scenarios are made of: messages as the Internet and as people here write them. Not for what
// goes on with them (scenarios.h).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/crash/world.h"

namespace smtpgate::crash {

inline constexpr const char* anna = "anna@example.com";
inline constexpr const char* ben = "ben@example.com";

/// From Carol to somebody here, CRLF.
std::string text_message(const std::string& subject);
std::string message_with_attachments(const std::string& subject, std::size_t lines);
/// Carol asks for a receipt.
std::string message_with_request(const std::string& subject);

InboundMail to(std::vector<std::string> recipients, std::string content, bool by_door_1);

/// MMFF; `recipients` are whole lines.
std::string file_to(const std::string& recipients, const std::string& subject,
                    const std::string& from = "CSI:ACME/MAIN/anna");

// Further parts of all_scenarios().
void add_people(std::vector<Scenario>& all);
void add_services(std::vector<Scenario>& all);
void add_administration(std::vector<Scenario>& all);

}  // namespace smtpgate::crash
