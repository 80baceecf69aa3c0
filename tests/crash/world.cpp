// The world around the gateway, but for its mail (world_inbound.cpp, world_outgoing.cpp) and for
// what can be seen of it in the end (world_findings.cpp); see the header.
#include "tests/crash/world.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <unistd.h>

#include "milter/inbound_delivery.h"
#include "milter/kept_chain.h"
#include "postoffice/groups.h"
#include "postoffice/outbox.h"
#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "postoffice/tidying.h"
#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

using postoffice::OutgoingMail;
using postoffice::Postoffice;

namespace {

constexpr std::int64_t beginning = 1'795'300'000;
constexpr int most_rounds = 4;

void must(const Outcome& outcome) {
  if (!outcome.is_delivered()) throw std::runtime_error(outcome.sentence());
}

}  // namespace

void MemoryLog::write(milter::Severity, std::string_view text) {
  lines_.emplace_back(text);
}

std::size_t MemoryLog::count(std::string_view part) const {
  return static_cast<std::size_t>(
      std::count_if(lines_.begin(), lines_.end(), [&](const std::string& line) {
        return line.find(part) != std::string::npos;
      }));
}

World::World() {
  std::string pattern = (std::filesystem::temp_directory_path() / "smtpgate-crash-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  std::ofstream(directory_ + "/ADDR_MAP.CFG") << "ACME/MAIN example.com\n";
  std::ofstream(directory_ + "/smtpgate.toml")
      << "[gateway]\nhostname = \"mx.example.com\"\nuser = \"\"\nwork = \"/work\"\n"
         "[converter]\naddress_map = \"ADDR_MAP.CFG\"\n"
         "[[postoffice]]\nname = \"ACME/MAIN\"\npath = \"/po\"\n";
  auto read = milter::read_configuration(directory_ + "/smtpgate.toml");
  if (!read) throw std::runtime_error(read.error().front());
  configuration_ = std::make_shared<const milter::Configuration>(std::move(*read));
  source_ = [this] { return configuration_; };

  set_clock(beginning);
  must(disk_.make_directory("/work", 0700) ? milter::prepare_work_directory(*configuration_, disk_)
                                           : Outcome::temporary("no work directory"));
  postoffice::PostofficeSettings settings;
  settings.name = {"ACME", "MAIN"};
  settings.time_zone = "UTC";
  must(Postoffice::init(folder(), settings, disk_));
  const Postoffice office = open();
  for (const char* mailbox : people) must(office.add_mailbox(mailbox));
  must(postoffice::write_group(office, {"all", "anna", {"anna", "ben", "some"}}));
  must(postoffice::write_group(office, {"some", "ben", {"ben", "carl", "dora"}}));
  must(postoffice::write_group(office, {"wide", "dora", {"dora", "frida@elsewhere.example"}}));
  must(postoffice::write_group(office, {"holed", "emil", {"emil", "nobody"}}));
  postoffice::MailboxSettings keeps;
  keeps.keep_sent = true;
  must(postoffice::write_mailbox_settings(office, "ben", keeps));
  postoffice::MailboxSettings as_folders;
  as_folders.delivery = "folder";
  must(postoffice::write_mailbox_settings(office, "fred", as_folders));
  as_folders.hook = {"/bin/order-intake"};
  as_folders.hook_settings.attempts = 2;
  must(postoffice::write_mailbox_settings(office, "hugo", as_folders));
  postoffice::MailboxSettings small;
  small.quota.messages = 1;
  must(postoffice::write_mailbox_settings(office, "gerd", small));
  if (!disk_.make_directory(desk(), 0755)) throw std::runtime_error("no desk");
  disk_.sync_all();
  prepared_ = disk_.image();
}

World::~World() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Postoffice World::open() {
  auto opened = Postoffice::open(folder(), disk_);
  if (!opened) throw std::runtime_error(opened.error().sentence());
  return std::move(*opened);
}

std::string World::mailbag(const std::string& mailbox) const {
  return folder() + "/MBG/" + mailbox;
}

void World::begin(const Scenario& scenario) {
  set_clock(beginning);
  disk_.restore(*prepared_);
  if (scenario.before) scenario.before(*this);
  scenario_ = &scenario;
  log_.clear();
  inbound_.clear();
  submitted_.clear();
  removed_.clear();
  taken_.clear();
  refusals_.clear();
  broken_.clear();
  done_errands_.clear();
  broken_errands_.clear();
  may_double_ = may_lose_ = unmarked_ = commands_in_hand_ = 0;
  deleted_marked_.clear();
  power_was_cut_ = false;
  unsaved_.clear();
  tried_.clear();
  in_doubt_ = submitted_in_try_ = 0;
  looks_ = 0;
  answers_left.reset();
  keeps_deletions = true;
  for (const InboundMail& mail : scenario.inbound) {
    inbound_.push_back({mail, !mail.by_door_1, {}, {}});
    if (!mail.by_door_1) inbound_.back().queue = mail.recipients;
  }
  for (const OutboxFile& file : scenario.outbox) {
    disk_.put(mailbag(file.mailbox) + "/outbox/" + file.name, file.content);
  }
  disk_.heal();
  disk_.count_anew();
  disk_.set_condition(scenario.condition);
  disk_.set_linkable_files(scenario.has_linkable_files);
  if (scenario.sends_meanwhile) disk_.set_neighbour([this] { send_what_is_free(); });
}

void World::live() {
  for (int round = 0; round < most_rounds; ++round) {
    for (Inbound& inbound : inbound_) {
      if (!inbound.is_accepted) send_by_client(inbound);
      if (disk_.has_stopped()) return;
      if (inbound.is_accepted && !inbound.queue.empty()) deliver_by_postfix(inbound);
      if (disk_.has_stopped()) return;
      look_at_quota();
    }
    run_errands();
    if (disk_.has_stopped()) return;
    send_outgoing();
    if (disk_.has_stopped() || is_over()) return;
  }
}

void World::die(Death death, const Loss& loss) {
  in_doubt_ += std::exchange(submitted_in_try_, 0);
  for (const auto& [id, kept] : unsaved_) in_doubt_ += kept.second;
  unsaved_.clear();
  for (Inbound& inbound : inbound_) {
    if (inbound.is_accepted || death == Death::machine) continue;
    // Postfix goes on without us.
    inbound.is_accepted = true;
    inbound.queue = inbound.mail.recipients;
    if (!keeps_deletions) continue;
    for (const std::string& gone : inbound.deletions) std::erase(inbound.queue, gone);
  }
  answers_left.reset();
  disk_.heal();
  if (death == Death::process) {
    disk_.restart_process();
  } else {
    power_was_cut_ = true;
    disk_.restart_machine(loss);
    // Markers are not synced: with one that is lost goes what it said of a message that was
    // deleted.
    unmarked_ += static_cast<std::uint64_t>(std::erase_if(
        deleted_marked_, [this](const std::string& marker) { return !disk_.exists(marker); }));
  }
}

void World::start() {
  milter::clear_incomplete_chains(*configuration_, disk_);
  const auto opened = Postoffice::open(folder(), disk_);
  if (!opened) return;
  (void)OutgoingMail(*opened).keep_alive(900);
  const auto told = [this](const postoffice::OutboxNote& note) {
    log_.info(note.mailbox + "/" + note.file + ": " + note.outcome.sentence());
  };
  (void)postoffice::resume_taken_files(*opened, {}, told);
  (void)postoffice::clear_abandoned_work(*opened);
  (void)postoffice::expire_markers(*opened, clock_now());
  (void)postoffice::clear_half_done(*opened, clock_now());
  (void)postoffice::expire_outgoing_markers(*opened, clock_now());
}

void World::work_beside(Neighbour neighbour) {
  if (neighbour == Neighbour::gateway) {
    start();
    send_outgoing();
  } else if (scenario_->sends) {
    send_what_is_free();
  }
}

bool World::is_over() const {
  for (const Inbound& inbound : inbound_) {
    if (!inbound.is_accepted || !inbound.queue.empty()) return false;
  }
  for (const std::string& name : disk_.names(folder() + "/SMTP")) {
    if (postoffice::is_outgoing_id(name.substr(0, 32))) return false;
  }
  for (const std::string& mailbox : watched_outboxes()) {
    for (const std::string& name : disk_.names(mailbag(mailbox) + "/outbox")) {
      if (name.front() != '.' && !name.ends_with(".bad")) return false;
    }
  }
  for (std::size_t i = 0; i < scenario_->errands.size(); ++i) {
    const Errand& errand = scenario_->errands[i];
    if (errand.kind == Errand::Kind::once && !done_errands_.contains(i)) return false;
    if (errand.kind == Errand::Kind::service && is_due(errand)) return false;
  }
  for (const std::string& host : disk_.names(folder() + "/P1")) {
    for (const std::string& id : disk_.names(folder() + "/P1/" + host)) {
      if (disk_.exists(folder() + "/P1/" + host + "/" + id + "/TAKEN.API")) return false;
    }
  }
  return true;
}

std::vector<std::string> World::mailboxes() const {
  std::vector<std::string> result;
  for (const std::string& name : disk_.names(folder() + "/MBG")) {
    if (name.front() != '.') result.push_back(name);
  }
  return result;
}

void World::read_all() {
  for (const std::string& mailbox : mailboxes()) {
    for (const std::string& name : disk_.names(mailbag(mailbox) + "/new")) {
      if (name.front() == '.') continue;
      disk_.move(mailbag(mailbox) + "/new/" + name, mailbag(mailbox) + "/cur/" + name);
    }
  }
}

std::uint64_t World::delete_all() {
  std::uint64_t unmarked = 0;
  for (const std::string& mailbox : mailboxes()) unmarked += delete_all_of(mailbox);
  return unmarked;
}

std::uint64_t World::delete_all_of(const std::string& mailbox) {
  std::uint64_t unmarked = 0;
  for (const char* part : {"/new/", "/cur/"}) {
    for (const std::string& name : disk_.names(mailbag(mailbox) + part)) {
      if (name.front() == '.') continue;
      const std::string path = mailbag(mailbox) + part + name;
      add_found(removed_, mailbox, path);
      const std::string marker = mailbag(mailbox) + "/ids/" + name;
      if (disk_.exists(marker)) {
        deleted_marked_.push_back(marker);
      } else {
        ++unmarked;
      }
      if (is_directory(path)) {
        for (const std::string& file : disk_.names(path)) disk_.erase(path + "/" + file);
      }
      disk_.erase(path);
    }
  }
  return unmarked;
}

}  // namespace smtpgate::crash
