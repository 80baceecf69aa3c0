// The proof that nothing in Postfix adds recipients: see the header.
#include "milter/discard_claim.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

/// Settings that add recipients or change into others what the milter was shown, if they are set.
constexpr const char* adding[] = {
    "always_bcc",         "sender_bcc_maps",      "recipient_bcc_maps",       "header_checks",
    "mime_header_checks", "nested_header_checks", "milter_header_checks",     "body_checks",
    "virtual_alias_maps", "canonical_maps",       "recipient_canonical_maps",
};

/// Access tables and policy servers may answer BCC.
constexpr const char* restrictions[] = {
    "smtpd_client_restrictions",      "smtpd_helo_restrictions",      "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",       "smtpd_recipient_restrictions", "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions", "smtpd_restriction_classes",
};

/// The first word of a list of restrictions that may answer BCC; empty if none. Our own look-up of
/// rights answers with refusals only.
std::string answering_bcc(const std::vector<std::string>& words) {
  const auto is_ours = [](const std::string& table) {
    return table.starts_with("socketmap:unix:private/smtpgate") && table.ends_with(":rights");
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool asks = words[i].starts_with("check_");
    if (asks && i + 1 < words.size() && is_ours(words[i + 1])) {
      ++i;
      continue;
    }
    // A bare table, in the old style.
    if (asks || words[i].find(':') != std::string::npos) return words[i];
  }
  return {};
}

class Complaints {
 public:
  void add(const PostfixService& service, const char* name, std::string_view why) {
    std::string text = service.options.contains(name)
                           ? fmt::format("the service {}: {} {}", service.fields[0], name, why)
                           : fmt::format("{} {}", name, why);
    if (std::find(list_.begin(), list_.end(), text) == list_.end()) list_.push_back(text);
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

void look_at(const PostfixSettings& settings, const PostfixService& service,
             Complaints& complaints) {
  for (const char* name : adding) {
    if (!settings.value(service, name).empty()) complaints.add(service, name, "is set");
  }
  if (!service.fields.empty() && !service.runs("smtpd")) return;
  for (const char* name : restrictions) {
    const std::string found = answering_bcc(split_postfix_list(settings.value(service, name)));
    if (!found.empty())
      complaints.add(service, name, fmt::format("has {}, which may answer BCC", found));
  }
  if (split_postfix_list(settings.value(service, "smtpd_milters")).size() > 1) {
    complaints.add(service, "smtpd_milters", "has another milter, which may add recipients");
  }
}

}  // namespace

std::vector<std::string> what_may_add_recipients(const PostfixSettings& settings) {
  Complaints complaints;
  look_at(settings, {}, complaints);
  for (const PostfixService& service : settings.services()) {
    if (service.runs("smtpd") || service.runs("cleanup")) look_at(settings, service, complaints);
  }
  return complaints.take();
}

bool DiscardClaim::identify(const std::string& directory, Identity& identity) {
  std::size_t at = 0;
  for (const char* name : {"/main.cf", "/master.cf"}) {
    struct stat status{};
    if (::stat((directory + name).c_str(), &status) != 0) return false;
    for (const auto value :
         {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
          static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_ctim.tv_sec),
          static_cast<std::int64_t>(status.st_ctim.tv_nsec)}) {
      identity.at(at++) = value;
    }
  }
  return true;
}

std::uint64_t DiscardClaim::era() {
  const std::lock_guard guard(mutex_);
  return era_;
}

void DiscardClaim::prove(const Configuration& configuration, const PostfixProgram& program,
                         std::uint64_t era) {
  std::shared_ptr<Proof> proof;
  if (configuration.milter.claim == Claim::discard) {
    constexpr std::string_view instead = "; recipients are deleted one by one instead";
    // Before the settings are read, so that a change meanwhile makes the proof void.
    auto fresh = std::make_shared<Proof>();
    const PostfixAnswer where = program({"postconf", "-h", "config_directory"}, "");
    fresh->directory = std::string(trim(where.output));
    const bool known = where.good && identify(fresh->directory, fresh->identity);
    const auto settings = known ? PostfixSettings::read(program) : std::nullopt;
    if (!settings) {
      log_->warning(
          fmt::format("claim = \"discard\": Postfix's settings cannot be read{}; let the "
                      "gateway's user read main.cf and master.cf",
                      instead));
    } else if (const auto found = what_may_add_recipients(*settings); !found.empty()) {
      log_->warning(fmt::format("claim = \"discard\": {}{}", fmt::join(found, ", "), instead));
    } else {
      log_->info(
          "claim = \"discard\": nothing in Postfix adds recipients; messages whose "
          "recipients are all filed are discarded whole");
      proof = std::move(fresh);
    }
  }
  const std::lock_guard guard(mutex_);
  if (era == era_) proof_ = std::move(proof);
}

void DiscardClaim::forget() {
  const std::lock_guard lock(mutex_);
  proof_.reset();
  ++era_;
}

bool DiscardClaim::is_allowed() {
  std::shared_ptr<const Proof> proof;
  {
    const std::lock_guard guard(mutex_);
    proof = proof_;
  }
  if (!proof) return false;
  Identity now{};
  if (identify(proof->directory, now) && now == proof->identity) return true;
  const std::lock_guard guard(mutex_);
  if (proof_ == proof) {
    proof_.reset();
    log_->warning(
        fmt::format("{} has changed: recipients are deleted one by one until smtpgate is "
                    "told to read its configuration again (SIGUSR1), after postfix reload",
                    proof->directory));
  }
  return false;
}

}  // namespace smtpgate::milter
