// Internet addresses to mailboxes, in the one order.
#include <filesystem>

#include "gateway_fixture.h"
#include "milter/lookup_server.h"
#include "milter/recipient_resolver.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using Kind = Resolution::Kind;

TEST_CASE("addresses find their mailboxes") {
  test::Gateway gateway;
  RecipientResolver resolver(*gateway.configuration);
  const auto mailbox = [&](const char* path) {
    const Resolution found = resolver.resolve_path(path);
    return found.kind == Kind::mailbox ? found.address.str() : std::string("none");
  };
  CHECK(mailbox("<anna@example.com>") == "ACME/MAIN/anna");
  CHECK(mailbox("anna@example.com") == "ACME/MAIN/anna");
  CHECK(mailbox("<ANNA@Example.COM>") == "ACME/MAIN/anna");
  CHECK(mailbox("<\"anna\"@example.com>") == "ACME/MAIN/anna");
  CHECK(mailbox("<@relay.example:anna@example.com>") == "ACME/MAIN/anna");
  CHECK(mailbox("<anna@example.org>") == "ACME/MAIN/anna");
  CHECK(mailbox("<anna+orders@example.com>") == "ACME/MAIN/anna");
  CHECK(mailbox("<sales@example.com>") == "ACME/MAIN/anna");
  CHECK(mailbox("<postmaster@example.com>") == "ACME/MAIN/postmaster");
  CHECK(mailbox("<Postmaster>") == "ACME/MAIN/postmaster");
}

TEST_CASE("what has no mailbox says so in its own way") {
  test::Gateway gateway;
  RecipientResolver resolver(*gateway.configuration);

  const Resolution unknown = resolver.resolve_path("<nobody@example.com>");
  CHECK(unknown.kind == Kind::unknown_mailbox);
  CHECK(unknown.outcome.is_permanent());
  CHECK(unknown.outcome.status() == "5.1.1");
  CHECK(unknown.postoffice_name() == "ACME/MAIN");

  const Resolution domain = resolver.resolve_path("<anna@elsewhere.example>");
  CHECK(domain.kind == Kind::unknown_domain);
  CHECK(domain.outcome.is_temporary());
  CHECK(domain.outcome.status() == "4.3.5");
  CHECK(domain.postoffice_name().empty());

  const Resolution lost = resolver.resolve_path("<anna@lost.example>");
  CHECK(lost.kind == Kind::unavailable);
  CHECK(lost.outcome.is_temporary());

  for (const char* wrong : {"<>", "", "<@example.com>", "<anna@exa mple.com>"}) {
    INFO(wrong);
    const Resolution none = resolver.resolve_path(wrong);
    CHECK(none.kind == Kind::no_address);
    CHECK(none.outcome.status() == "5.1.3");
  }
  CHECK(resolver.resolve_path("<anna>").kind == Kind::unknown_domain);
}

TEST_CASE("a group is known, and whether it stays here is looked at when asked") {
  test::Gateway gateway;
  test::write_whole(gateway.folder() + "/GRP/all", "anna\nben\n");
  RecipientResolver resolver(*gateway.configuration);
  const Resolution group = resolver.resolve_path("<All@example.com>");
  CHECK(group.kind == Kind::group);
  CHECK(group.is_known());
  CHECK(group.outcome.is_delivered());
  CHECK(group.address.str() == "ACME/MAIN/all");
  CHECK(answer_lookup(*gateway.configuration, "recipient all@example.com") == "OK all@example.com");
  CHECK(*resolver.stays_here(group));
  CHECK(*resolver.stays_here(resolver.resolve_path("<anna@example.com>")));
  test::write_whole(gateway.folder() + "/GRP/all", "anna\nbob@example.net\n");
  CHECK_FALSE(*resolver.stays_here(group));
  test::write_whole(gateway.folder() + "/GRP/all", "anna\nnobody\n");
  CHECK_FALSE(*resolver.stays_here(group));
  test::write_whole(gateway.folder() + "/GRP/all", "what is this? \x01\n");
  CHECK_FALSE(resolver.stays_here(group));
}

TEST_CASE("a mailbox made or removed a moment ago counts at once") {
  test::Gateway gateway;
  RecipientResolver resolver(*gateway.configuration);
  CHECK(resolver.resolve_path("<new@example.com>").kind == Kind::unknown_mailbox);
  test::Gateway::must(gateway.open().add_mailbox("new"));
  CHECK(resolver.resolve_path("<new@example.com>").kind == Kind::mailbox);
  test::Gateway::must(gateway.open().remove_mailbox("new", false));
  CHECK(resolver.resolve_path("<new@example.com>").kind == Kind::unknown_mailbox);
}

TEST_CASE("a hostile local part cannot leave the mailbags") {
  test::Gateway gateway;
  RecipientResolver resolver(*gateway.configuration);
  for (const char* hostile : {"<../../GLB@example.com>", "<\"../anna\"@example.com>",
                              "<.@example.com>", "<..@example.com>", "<anna/new@example.com>",
                              "<\"anna\\\\new\"@example.com>", "<CON@example.com>"}) {
    INFO(hostile);
    const Kind kind = resolver.resolve_path(hostile).kind;
    CHECK((kind == Kind::unknown_mailbox || kind == Kind::no_address));
  }
}

TEST_CASE("an internal address splits at its last at-sign") {
  CHECK(parse_internal_address("a@b@example.com").local_part == "a@b");
  CHECK(parse_internal_address("a@b@example.com").domain == "example.com");
  CHECK(parse_internal_address("postmaster").domain.empty());
}
