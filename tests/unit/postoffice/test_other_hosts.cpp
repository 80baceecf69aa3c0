// A postoffice that several hosts share, on file systems whose clients remember names for a while
// and keep locks on directories to themselves (docs/scale.md).
#include <filesystem>
#include <set>

#include "postoffice/aliases.h"
#include "postoffice/folder.h"
#include "postoffice/groups.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/shared_lock.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/handed_over_fixture.h"

namespace smtpgate::postoffice {
namespace {

/// Between a rename and the moment in which all hosts know of it, another one files a message.
class SlowToForget : public FaultyFileSystem, public SharedFileSystem {
 public:
  FileResult<std::unique_ptr<File>> open_to_lock(const std::string& path) override {
    return open(path);
  }
  std::chrono::milliseconds name_memory(const std::string& path) override {
    if (files_message) test::write_file(path + "/new/message", "mail");
    asked_about.push_back(path);
    return std::chrono::milliseconds(1);
  }
  bool files_message = false;
  std::vector<std::string> asked_about;
};

TEST_CASE("a mailbox stays when another host files into it while it is removed") {
  OutgoingFixture fixture;
  SlowToForget files;
  const Postoffice postoffice = fixture.open(files);
  REQUIRE(postoffice.add_mailbox("leaver").is_delivered());
  files.files_message = true;
  const Outcome removed = postoffice.remove_mailbox("leaver", false);
  CHECK(removed.is_permanent());
  CHECK(removed.sentence() == "mailbox leaver holds 1 messages; move them, or say --with-messages");
  CHECK(std::filesystem::exists(fixture / "MBG/leaver/new/message"));
  REQUIRE(files.asked_about.size() == 1);
  CHECK(files.asked_about.front() == (fixture / "MBG/.leaving-leaver"));
  std::filesystem::remove(fixture / "MBG/leaver/new/message");
  files.files_message = false;
  CHECK(postoffice.remove_mailbox("leaver", false).is_delivered());
}

TEST_CASE("a local disk remembers no names for other hosts") {
  OutgoingFixture fixture;
  CHECK(name_memory(FileSystem::posix(), fixture.path()).count() == 0);
  CHECK(name_memory(FileSystem::posix(), "/nowhere/at/all").count() > 0);
}

/// Opens what STATE.json was until its directory is listed, as a kernel that remembers the name.
class RemembersStates : public FaultyFileSystem, public SharedFileSystem {
 public:
  explicit RemembersStates(std::string old) : old_(std::move(old)) {}
  FileResult<std::unique_ptr<File>> open(const std::string& path) override {
    const bool is_remembered =
        path.ends_with("/STATE.json") && !seen_.contains(parent_directory(path));
    return FaultyFileSystem::open(is_remembered ? old_ : path);
  }
  FileResult<std::unique_ptr<File>> open_to_lock(const std::string& path) override {
    return FaultyFileSystem::open(path);
  }
  std::chrono::milliseconds name_memory(const std::string& /*path*/) override {
    return std::chrono::milliseconds(1);
  }
  FileResult<std::vector<std::string>> list(const std::string& path) override {
    seen_.insert(path);
    return FaultyFileSystem::list(path);
  }
  bool has_seen(const std::string& directory) const { return seen_.contains(directory); }

 private:
  std::string old_;
  std::set<std::string> seen_;
};

TEST_CASE("who takes a message reads the state that another host wrote a moment ago") {
  OutgoingFixture fixture;
  REQUIRE(hand_over(fixture.open()).is_delivered());
  const std::string id = fixture.only_id();
  const std::string old = fixture / "old-state";
  std::filesystem::copy_file(fixture / ("SMTP/" + id + "/STATE.json"), old);
  {
    const Postoffice other = fixture.open().on_host("other");
    auto taken = OutgoingMail(other).take(id);
    REQUIRE((taken && *taken));
    REQUIRE((*taken)->save(all_sent((*taken)->state())).is_delivered());
  }
  RemembersStates files(old);
  auto taken = OutgoingMail(fixture.open(files)).take(id);
  REQUIRE((taken && *taken));
  CHECK((*taken)->state().is_done());
}

/// Leads to a file that is gone until its directory is listed.
class LeadsToTheReplaced : public RemembersStates {
 public:
  explicit LeadsToTheReplaced(int code) : RemembersStates(""), code_(code) {}
  FileResult<std::unique_ptr<File>> open(const std::string& path) override {
    if (path.ends_with("/GLB/ALIAS") && !has_seen(parent_directory(path))) {
      return tl::unexpected(FileError{code_, "open", path});
    }
    return RemembersStates::open(path);
  }

 private:
  int code_;
};

TEST_CASE("a file that another host has just replaced is not one that is missing") {
  OutgoingFixture fixture;
  REQUIRE(fixture.open().add_alias("boss", "postmaster").is_delivered());
  for (const int code : {ENOENT, ESTALE}) {
    LeadsToTheReplaced files(code);
    auto found = fixture.open(files).resolve("boss");
    INFO(code);
    REQUIRE(found);
    CHECK(found->mailbox == "postmaster");
  }
  // For good: trouble that passes, never "unknown".
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.fail_if([](const Operation& operation) { return operation.path.ends_with("/GLB/ALIAS"); },
                 ESTALE);
  auto found = postoffice.resolve("boss");
  REQUIRE_FALSE(found);
  CHECK(found.error().is_temporary());
}

TEST_CASE("who changes aliases or groups looks at what other hosts made of them") {
  OutgoingFixture fixture;
  RemembersStates files("");
  const Postoffice postoffice = fixture.open(files);
  REQUIRE(postoffice.add_alias("boss", "postmaster").is_delivered());
  CHECK(files.has_seen(fixture / "GLB"));
  REQUIRE(write_group(postoffice, {"all", "postmaster", {"postmaster"}}).is_delivered());
  CHECK(files.has_seen(fixture / "GRP"));
  REQUIRE(MailboxChanges::begin(postoffice));
  CHECK(files.has_seen(fixture / "MBG"));
}

TEST_CASE("what changes a postoffice holds a lock that other hosts see") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const auto is_locked = [&](std::string_view place) {
    auto taken = is_shared_lock_taken(postoffice, place);
    REQUIRE(taken);
    return *taken;
  };
  CHECK_FALSE(is_locked(layout::mailbox_lock));
  {
    auto changes = MailboxChanges::begin(postoffice);
    REQUIRE(changes);
    CHECK(is_locked(layout::mailbox_lock));
    CHECK(std::filesystem::is_regular_file(fixture / "GLB/.lock-mailboxes"));
    CHECK(MailboxChanges::begin(postoffice).error().is_temporary());
  }
  CHECK_FALSE(is_locked(layout::mailbox_lock));
  const Outcome edited = edit_aliases(postoffice, [&](const AliasFile&) -> Expected<AliasEdit> {
    CHECK(is_locked(layout::alias_lock));
    return AliasEdit{};
  });
  CHECK(edited.is_delivered());
  REQUIRE(write_group(postoffice, {"all", "postmaster", {"postmaster"}}).is_delivered());
  const Outcome changed = change_group(postoffice, "all", [&](Group&) {
    CHECK(is_locked(layout::group_lock));
    return Outcome::delivered("as it is");
  });
  CHECK(changed.is_delivered());
}

TEST_CASE("a lock that is held elsewhere is told, and waited for by nobody") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  for (const std::string_view place : {layout::alias_lock, layout::group_lock}) {
    auto held = take_shared_lock(postoffice, place, {});
    REQUIRE((held && *held));
    const Outcome refused = place == layout::alias_lock
                                ? postoffice.add_alias("boss", "postmaster")
                                : write_group(postoffice, {"all", "postmaster", {"postmaster"}});
    INFO(place);
    CHECK(refused.is_temporary());
    CHECK(refused.sentence().find("somebody else is changing") != std::string::npos);
  }
}

}  // namespace
}  // namespace smtpgate::postoffice
