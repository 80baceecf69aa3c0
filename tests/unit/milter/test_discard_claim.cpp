// Whether Postfix's settings prove that it adds no recipients, and when the proof is void.
#include <filesystem>

#include "gateway_fixture.h"
#include "milter/discard_claim.h"
#include "postfix_fixture.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

/// A Postfix whose only milter is ours, and a daemon that was told to discard.
struct Scene {
  Scene() : gateway("", "[milter]\nclaim = \"discard\"\n"), postfix(gateway), claim(log) {
    postfix.settings["smtpd_milters"] = "{ unix:smtpgate/milter.sock, default_action=accept }";
    test::write_whole(postfix.path + "/main.cf", "a = b\n");
    test::write_whole(postfix.path + "/master.cf", "smtp inet n - n - - smtpd\n");
  }

  bool prove() {
    const std::uint64_t era = claim.era();
    const auto configuration = read_configuration(gateway.configuration_path());
    REQUIRE(configuration);
    const auto program = [this](const std::vector<std::string>& words, const std::string& input) {
      if (is_reloaded_meanwhile) claim.forget();
      if (words.back() == "config_directory" && !postfix.is_silent) {
        return PostfixAnswer{true, postfix.path + "\n", ""};
      }
      return postfix.answer(words, input);
    };
    claim.prove(*configuration, program, era);
    return claim.is_allowed();
  }

  test::Gateway gateway;
  test::FakePostfix postfix;
  test::MemoryLog log;
  DiscardClaim claim;
  bool is_reloaded_meanwhile = false;  ///< while Postfix is being asked
};

}  // namespace

TEST_CASE("nothing is discarded before it was proved, and where it was not chosen") {
  Scene scene;
  CHECK_FALSE(scene.claim.is_allowed());
  CHECK(scene.prove());
  CHECK(scene.log.count("nothing in Postfix adds recipients") == 1);
  const std::string text = test::read_whole(scene.gateway.configuration_path());
  test::write_whole(scene.gateway.configuration_path(),
                    std::string(text).replace(text.find("discard"), 7, "delete"));
  CHECK_FALSE(scene.prove());
}

TEST_CASE("whatever may add a recipient makes discarding impossible, and is named") {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"always_bcc", "x@example.com"},
           {"sender_bcc_maps", "hash:/x"},
           {"recipient_bcc_maps", "hash:/x"},
           {"header_checks", "regexp:/x"},
           {"mime_header_checks", "regexp:/x"},
           {"nested_header_checks", "regexp:/x"},
           {"milter_header_checks", "regexp:/x"},
           {"body_checks", "regexp:/x"},
           {"virtual_alias_maps", "hash:/x"},
           {"canonical_maps", "hash:/x"},
           {"recipient_canonical_maps", "hash:/x"},
           {"smtpd_recipient_restrictions",
            "permit_mynetworks, check_policy_service unix:x, reject"},
           {"smtpd_client_restrictions", "check_client_access hash:/x"},
           {"smtpd_sender_restrictions", "hash:/x"},
           {"smtpd_end_of_data_restrictions", "check_policy_service { inet:[::1]:1, timeout=1 }"},
           {"smtpd_milters", "inet:127.0.0.1:1, unix:smtpgate/milter.sock"}}) {
    INFO(name);
    Scene scene;
    scene.postfix.settings[name] = value;
    CHECK_FALSE(scene.prove());
    CHECK(scene.log.count("warning: claim = \"discard\": " + name) == 1);
    // And as one service's own.
    Scene own;
    own.postfix.options = "smtp/inet/" + name + " = " + value + "\n";
    CHECK_FALSE(own.prove());
    CHECK(own.log.count("the service smtp: " + name) == 1);
  }
}

TEST_CASE("restrictions that cannot add recipients are no hindrance") {
  Scene scene;
  scene.postfix.settings["smtpd_relay_restrictions"] =
      "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination";
  scene.postfix.settings["smtpd_recipient_restrictions"] =
      "check_recipient_access socketmap:unix:private/smtpgate-lookup:rights, "
      "reject_unknown_recipient_domain";
  // An lmtp client's checks come when the message has left the queue.
  scene.postfix.options = "smtpgate/unix/header_checks = regexp:/x\n";
  CHECK(scene.prove());
}

TEST_CASE("a Postfix that cannot be asked, or has no files, proves nothing") {
  Scene silent;
  silent.postfix.is_silent = true;
  CHECK_FALSE(silent.prove());
  CHECK(silent.log.count("cannot be read") == 1);
  Scene without;
  std::filesystem::remove(without.postfix.path + "/master.cf");
  CHECK_FALSE(without.prove());
}

TEST_CASE("a change of main.cf or master.cf makes the proof void until it is made again") {
  for (const char* name : {"/main.cf", "/master.cf"}) {
    Scene scene;
    REQUIRE(scene.prove());
    CHECK(scene.claim.is_allowed());
    // Another file of the same size, as editors and postconf write them.
    test::write_whole(scene.postfix.path + "/new", test::read_whole(scene.postfix.path + name));
    std::filesystem::rename(scene.postfix.path + "/new", scene.postfix.path + name);
    CHECK_FALSE(scene.claim.is_allowed());
    CHECK_FALSE(scene.claim.is_allowed());
    CHECK(scene.log.count("has changed: recipients are deleted one by one") == 1);
    CHECK(scene.prove());
  }
}

TEST_CASE("a proof that a reload has overtaken counts no longer, the next one does") {
  Scene scene;
  scene.is_reloaded_meanwhile = true;
  CHECK_FALSE(scene.prove());
  scene.is_reloaded_meanwhile = false;
  CHECK(scene.prove());
}
