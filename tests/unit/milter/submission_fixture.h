// What the tests of submission share: an envelope, a content, and a Submitter with short time-outs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/spool.h"
#include "milter/submission.h"
#include "scripted_server.h"

namespace smtpgate::test {

inline converter::OutboundEnvelope envelope_to(const std::vector<std::string>& recipients) {
  converter::OutboundEnvelope envelope;
  envelope.sender = "anna@example.com";
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    envelope.recipients.push_back({recipients[i], "", i});
  }
  return envelope;
}

inline converter::Spool spool_of(std::string_view content) {
  converter::Spool spool({.files = &postoffice::FileSystem::posix(), .directory = "/tmp"});
  static_cast<void>(spool.write(content));
  return spool;
}

inline const std::string small_content = "Subject: x\r\n\r\n.dot\r\ntext\r\n";

/// Long enough for a busy machine.
inline milter::DesignatedHost patient(const ScriptedServer& server) {
  milter::DesignatedHost host;
  host.hosts = {server.host()};
  host.hostname = "gate.example.com";
  host.connect_timeout = host.command_timeout = host.data_timeout = std::chrono::seconds(60);
  return host;
}

/// For servers that never answer.
inline milter::DesignatedHost impatient(const ScriptedServer& server) {
  milter::DesignatedHost host = patient(server);
  host.command_timeout = host.data_timeout = std::chrono::milliseconds(150);
  return host;
}

inline milter::SubmissionResult submit_once(
    const milter::DesignatedHost& host,
    const std::vector<std::string>& recipients = {"bob@b.example"},
    std::string_view content = small_content) {
  milter::Submitter submitter(host);
  converter::Spool spool = spool_of(content);
  return submitter.submit(envelope_to(recipients), spool);
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace smtpgate::test
