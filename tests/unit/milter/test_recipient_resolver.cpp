// Internet addresses to mailboxes, in the one order.
#include <filesystem>

#include "converter/outbound.h"
#include "gateway_fixture.h"
#include "milter/check.h"
#include "milter/lookup_server.h"
#include "milter/recipient_resolver.h"
#include "postoffice/groups.h"
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

namespace {

/// ACME/MAIN and ACME/SALES share company.example, MAIN first.
struct Company : test::Gateway {
  Company()
      : Gateway("", "",
                "ACME/MAIN company.example\nACME/SALES company.example\n"
                "ACME/SALES sales.example\n",
                "ACME/SALES") {
    for (const char* name : {"anna", "zoe"}) must(sales().add_mailbox(name));
  }
  postoffice::Postoffice sales() const {
    return std::move(*postoffice::Postoffice::open(path() + "/second"));
  }
  std::string mailbox(const char* address) const {
    RecipientResolver resolver(*configuration);
    const Resolution found = resolver.resolve_path(address);
    return found.is_known() ? found.address.str() : found.outcome.status();
  }
};

}  // namespace

TEST_CASE("a shared domain finds the postoffice that has the name, in the order of the map") {
  Company company;
  CHECK(company.mailbox("anna@company.example") == "ACME/MAIN/anna");
  CHECK(company.mailbox("anna@sales.example") == "ACME/SALES/anna");
  CHECK(company.mailbox("zoe@company.example") == "ACME/SALES/zoe");
  CHECK(company.mailbox("zoe+x@company.example") == "ACME/SALES/zoe");
  CHECK(company.mailbox("postmaster@company.example") == "ACME/MAIN/postmaster");
  CHECK(company.mailbox("nobody@company.example") == "5.1.1");
  CHECK(company.mailbox("zoe@example.com") == "5.1.1");
}

TEST_CASE("an alias that is the whole address says whose it is, before any mailbox's name") {
  Company company;
  company.must(company.sales().add_alias("anna@company.example", "anna"));
  CHECK(company.mailbox("anna@company.example") == "ACME/SALES/anna");
  CHECK(company.mailbox("Anna+orders@Company.Example") == "ACME/SALES/anna");
  CHECK(company.mailbox("anna@example.com") == "ACME/MAIN/anna");
  company.must(company.sales().remove_mailbox("anna", true));
  CHECK(company.mailbox("anna@company.example") == "4.3.5");  // dangling, not MAIN's anna
}

TEST_CASE("groups are found too, and a catch-all takes only what nobody has") {
  Company company;
  company.must(postoffice::write_group(company.sales(), {"team", "", {"zoe"}}));
  CHECK(company.mailbox("team@company.example") == "ACME/SALES/team");
  const std::string settings = company.folder() + "/GLB/postoffice.toml";
  test::write_whole(settings, test::read_whole(settings) + "catch_all = \"ben\"\n");
  CHECK(company.mailbox("zoe@company.example") == "ACME/SALES/zoe");
  CHECK(company.mailbox("nobody@company.example") == "ACME/MAIN/ben");
  CHECK(company.mailbox("nobody@sales.example") == "5.1.1");
}

TEST_CASE("while one that shares the domain cannot be read, nobody is called unknown") {
  Company company;
  std::filesystem::rename(company.path() + "/second", company.path() + "/away");
  CHECK(company.mailbox("nobody@company.example").starts_with("4."));
  CHECK(company.mailbox("anna@company.example").starts_with("4."));
  CHECK(company.mailbox("anna@example.com") == "ACME/MAIN/anna");
}

TEST_CASE("native mail is sent to a domain that is its postoffice's alone") {
  Company company;
  const auto& map = company.configuration->converter.map;
  const postoffice::NativeAddress anna{{"ACME", "SALES"}, "anna"};
  CHECK(converter::published_address(anna, map).value() == "anna@company.example");
  CHECK(converter::delivery_address(anna, map).value() == "anna@sales.example");
  // Where it is asked who is called what, an address that is another's is nobody's.
  converter::AddressMap asking = map;
  asking.set_shared_names([](const postoffice::NativeAddress& address, const std::string& domain) {
    CHECK(domain == "company.example");
    return address.mailbox == "anna" ? std::optional<std::string>() : "the." + address.mailbox;
  });
  CHECK(converter::published_address(anna, asking).value() == "anna@sales.example");
  CHECK(converter::published_address({{"ACME", "SALES"}, "zoe"}, asking).value() ==
        "the.zoe@company.example");
  CHECK(converter::delivery_address(anna, asking).value() == "anna@sales.example");
}

TEST_CASE("at a shared domain nobody is called by a name that leads to another's mailbox") {
  Company company;
  const auto called = [&](const char* postoffice, const char* mailbox) {
    return RecipientResolver(*company.configuration)
        .name_at({{"ACME", postoffice}, mailbox}, "company.example")
        .value_or("nothing");
  };
  CHECK(called("MAIN", "anna") == "anna");
  CHECK(called("SALES", "zoe") == "zoe");
  CHECK(called("SALES", "anna") == "nothing");
  CHECK(called("SALES", "postmaster") == "nothing");
  CHECK(called("SALES", "nobody") == "nothing");
  CHECK(called("ELSEWHERE", "anna") == "anna");  // only those who serve it know

  company.must(company.sales().add_alias("anna.sommer@company.example", "anna"));
  CHECK(called("SALES", "anna") == "anna.sommer");
  CHECK(called("SALES", "anna.sommer") == "nothing");  // known with its domain only
  company.must(company.sales().add_alias("anna@company.example", "anna"));
  CHECK(called("SALES", "anna") == "anna");
  CHECK(called("MAIN", "anna") == "nothing");
  // What cannot be asked is not guessed.
  std::filesystem::rename(company.path() + "/second", company.path() + "/away");
  CHECK(called("SALES", "zoe") == "nothing");
}

TEST_CASE("check warns of a name that two postoffices have at a domain that they share") {
  Company company;
  const auto warnings = [&] {
    std::vector<std::string> texts;
    for (const Finding& finding : check({company.configuration_path(), "", true, false})) {
      if (finding.text.starts_with("company.example:")) texts.push_back(finding.text);
    }
    return texts;
  };
  CHECK(warnings() == std::vector<std::string>{
                          "company.example: 1 name is in more than one of its postoffices (anna)"});
  company.must(company.sales().add_alias("anna@company.example", "anna"));
  CHECK(warnings().empty());
}
