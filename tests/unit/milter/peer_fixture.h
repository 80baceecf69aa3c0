// Two sites that are peers, each with a postoffice and a gateway of its own in a directory of its
// own, and the Internet between them: what one hands over, the other takes in. ACME/MAIN
// (main.test) has anna, ACME/BRANCH (branch.test) has carl and dora; both have the same key.
#pragma once

#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "milter/outbound_message.h"
#include "milter/recipient_resolver.h"
#include "postoffice/groups.h"
#include "postoffice/outgoing.h"
#include "unit/catch.h"
#include "unit/milter/fault_file_system.h"
#include "unit/milter/gateway_fixture.h"

namespace smtpgate::test {

struct SiteNames {
  std::string office;
  std::string domain;
  std::string peer_office;
  std::string peer_domain;
};
inline const SiteNames main_names{"ACME/MAIN", "main.test", "ACME/BRANCH", "branch.test"};
inline const SiteNames branch_names{"ACME/BRANCH", "branch.test", "ACME/MAIN", "main.test"};

class Site {
 public:
  explicit Site(SiteNames names, const std::string& peer_lines = "",
                const postoffice::PostofficeSettings& settings = {},
                const std::string& converter_lines = "")
      : names_(std::move(names)), peer_lines_(peer_lines), converter_lines_(converter_lines) {
    std::filesystem::create_directory(path() + "/work");
    write_whole(path() + "/ADDR_MAP.CFG", names_.office + " " + names_.domain + "\n" +
                                              names_.peer_office + " " + names_.peer_domain + "\n");
    write_key(std::string(64, 'a'));
    postoffice::PostofficeSettings own = settings;
    own.name = *postoffice::PostofficeName::parse(names_.office);
    own.time_zone = "UTC";
    Gateway::must(postoffice::Postoffice::init(folder(), own));
    write_configuration();
    Gateway::must(milter::prepare_work_directory(*configuration));
  }

  void write_configuration(bool has_peer = true) {
    std::string text = "[gateway]\nhostname = \"mx." + names_.domain +
                       "\"\nuser = \"\"\nkeep_chain = \"never\"\nwork = \"" + path() +
                       "/work\"\n[converter]\naddress_map = \"ADDR_MAP.CFG\"\n" + converter_lines_ +
                       "\n[[postoffice]]\nname = \"" + names_.office + "\"\npath = \"" + folder() +
                       "\"\n";
    if (has_peer) {
      text += "[[peer]]\nname = \"other\"\npostoffices = [\"" + names_.peer_office +
              "\"]\nkey_file = \"" + key_path() + "\"\n" + peer_lines_ + "\n";
    } else {
      write_whole(path() + "/ADDR_MAP.CFG", names_.office + " " + names_.domain + "\n");
    }
    write_whole(path() + "/smtpgate.toml", text);
    auto read = milter::read_configuration(path() + "/smtpgate.toml");
    if (!read) throw std::runtime_error(read.error().front());
    configuration = std::make_shared<const milter::Configuration>(std::move(*read));
  }

  void write_key(const std::string& digits) const {
    std::filesystem::remove(key_path());
    write_whole(key_path(), digits + "\n");
    std::filesystem::permissions(key_path(), std::filesystem::perms(0600));
  }

  const std::string& path() const { return directory_.path(); }
  std::string folder() const { return path() + "/po"; }
  std::string key_path() const { return path() + "/peer.key"; }
  postoffice::Postoffice open(
      postoffice::FileSystem& files = postoffice::FileSystem::posix()) const {
    return std::move(*postoffice::Postoffice::open(folder(), files));
  }

  /// Contents of what is unread in a mailbox.
  std::vector<std::string> filed(const std::string& mailbox) const {
    std::vector<std::string> result;
    const std::string place = open().mailbag_directory(mailbox) + "/new";
    for (const auto& entry : std::filesystem::directory_iterator(place)) {
      result.push_back(read_whole(entry.path().string()));
    }
    return result;
  }

  std::shared_ptr<const milter::Configuration> configuration;
  MemoryLog log;

 private:
  TemporaryDirectory directory_;
  SiteNames names_;
  std::string peer_lines_;
  std::string converter_lines_;
};

/// What was submitted: an envelope and the octets.
struct Submitted {
  converter::OutboundEnvelope envelope;
  std::string octets;
};

/// Hands a file over to SMTP/ of `site`, for those recipients; its ID.
inline std::string hand_over(const Site& site, const std::string& content,
                             const std::vector<std::string>& recipients,
                             const std::string& mailbox = "anna",
                             std::int64_t created = std::time(nullptr)) {
  const postoffice::Postoffice office = site.open();
  postoffice::OutgoingState state;
  state.mailbox = mailbox;
  state.created = created;
  for (const std::string& recipient : recipients) {
    postoffice::OutgoingRecipient one;
    one.address = postoffice::TypedAddress::parse(recipient);
    state.recipients.push_back(one);
  }
  auto draft = postoffice::OutgoingDraft::begin(office, postoffice::OutgoingContent::mmff);
  REQUIRE(draft);
  REQUIRE(draft->content().write(content));
  const std::string id = draft->id();
  Gateway::must(draft->hand_over(state));
  return id;
}

/// Tries everything that waits in SMTP/ of `site` once; a Postfix that takes all.
inline std::vector<Submitted> submit_all(Site& site) {
  std::vector<Submitted> result;
  const postoffice::Postoffice office = site.open();
  const postoffice::OutgoingMail mail(office);
  const milter::OutboundContext context{
      .configuration = *site.configuration,
      .postoffice = office,
      .files = postoffice::FileSystem::posix(),
      .log = site.log,
      .submit =
          [&](const converter::OutboundEnvelope& envelope, converter::Spool& content,
              const std::function<void()>& before_end) {
            before_end();
            std::string octets;
            postoffice::StringSink sink(octets);
            REQUIRE(content.copy_to(sink));
            result.push_back({envelope, octets});
            milter::SubmissionResult answer;
            answer.host = "127.0.0.1[127.0.0.1]:25";
            for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
              answer.recipients.push_back({Outcome::delivered("queued as 4F3A1"), "4F3A1"});
            }
            return answer;
          },
      .now = [] { return std::int64_t{std::time(nullptr)}; }};
  const auto ids = mail.waiting();
  REQUIRE(ids);
  for (const std::string& id : *ids) {
    auto taken = mail.take(id);
    REQUIRE(taken);
    REQUIRE(*taken);
    milter::try_message(std::move(**taken), context);
  }
  return result;
}

/// As door 2 takes it in: the outcome of its first recipient.
inline Outcome take_in(const Site& site, const Submitted& mail,
                       std::int64_t arrival = std::time(nullptr),
                       postoffice::FileSystem& files = postoffice::FileSystem::posix(),
                       milter::Reach reach = milter::Reach::beyond) {
  converter::Envelope envelope;
  envelope.sender = mail.envelope.sender;
  envelope.queue_id = "4F3A1";
  envelope.protocol = "LMTP";
  envelope.arrival = arrival;
  milter::RecipientResolver resolver(*site.configuration, files);
  for (const auto& recipient : mail.envelope.recipients) {
    const milter::Resolution found = resolver.resolve_path(recipient.address);
    if (!found.is_known()) return found.outcome;
    envelope.recipients.push_back({recipient.address, "", found.address,
                                   found.kind == milter::Resolution::Kind::group,
                                   found.is_encapsulated});
  }
  converter::RawMessage raw(site.configuration->spool_place(files));
  REQUIRE(raw.feed(mail.octets));
  return milter::deliver_inbound(*site.configuration, envelope, raw,
                                 milter::Deadline::in(std::chrono::seconds(60)), reach, files)
      .front();
}

}  // namespace smtpgate::test
