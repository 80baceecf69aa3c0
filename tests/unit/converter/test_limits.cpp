// Every limit of docs/conversion.md, "Limits", at its edge: what is just within it is taken apart,
// what is just beyond is not, and nothing is lost.
#include <chrono>
#include <functional>
#include <string>

#include "converter/base64_encoder.h"
#include "converter/html_to_text.h"
#include "converter/mime_parameters.h"
#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"
#include "unit/converter/text_file_fixture.h"
#include "unit/converter/tnef_builder.h"

using namespace smtpgate::test;
using namespace smtpgate::converter;
using Catch::Matchers::Contains;
using Catch::Matchers::VectorContains;
namespace ext = smtpgate::postoffice::ext;

namespace {

const std::string head = "From: bob@example.com\r\nTo: alice@example.net\r\nSubject: s\r\n";

std::string repeated(const std::string& unit, int times) {
  std::string text;
  while (times-- > 0) text += unit;
  return text;
}

bool has_mark(const ReadMessage& message, const std::string& mark) {
  const auto marks = message.marks();
  return std::find(marks.begin(), marks.end(), mark) != marks.end();
}

/// `message(n)` has n of what is limited to `limit`: at the limit it is taken apart, with one more
/// it is attached whole.
void check_edge(const std::string& mark, int limit, const std::function<void(Converting&)>& set,
                const std::function<std::string(int)>& message) {
  INFO(mark);
  Converting within;
  set(within);
  const ReadMessage taken_apart = within.read(message(limit));
  CHECK_FALSE(has_mark(taken_apart, mark));
  Converting beyond;
  set(beyond);
  const std::string raw = message(limit + 1);
  const ReadMessage kept = beyond.read(raw);
  CHECK(has_mark(kept, mark));
  CHECK_THAT(kept.text, Contains("attached whole"));
  REQUIRE(kept.contents.size() == 1);
  CHECK(kept.contents[0] == raw);
  CHECK(kept.header.attachments[0].odd == std::vector<std::string>{"kept-whole"});
}

std::string part_of(const std::string& type, const std::string& octets) {
  std::string part =
      "--b\r\nContent-Type: " + type + "\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  Base64Encoder encoder;
  encoder.feed(octets, part);
  encoder.finish(part);
  return part;
}
std::string mixed(const std::string& parts) {
  return head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + "--b--\r\n";
}

/// Stands still, and counts who looks.
struct FakeClock {
  unsigned looks = 0;

  SteadyClock clock() {
    return [this] {
      ++looks;
      return std::chrono::steady_clock::time_point{};
    };
  }
};

}  // namespace

TEST_CASE("multiparts in multiparts", "[limits]") {
  check_edge(
      "limit:depth", 7, [](Converting& converting) { converting.settings.limits.depth = 7; },
      [](int depth) {
        std::string text = head;
        for (int i = 0; i < depth; ++i) {
          const std::string name = "b" + std::to_string(i);
          text += "Content-Type: multipart/mixed; boundary=" + name + "\r\n\r\n--" + name + "\r\n";
        }
        return text + "\r\ninside\r\n";
      });
}

TEST_CASE("parts of a message", "[limits]") {
  check_edge(
      "limit:parts", 20, [](Converting& converting) { converting.settings.limits.parts = 21; },
      [](int parts) { return mixed(repeated("--b\r\n\r\nx\r\n", parts)); });
}

TEST_CASE("octets of all headers", "[limits]") {
  const int size = static_cast<int>(head.size() + std::string("X: \r\n").size());
  check_edge(
      "limit:header-octets", 200,
      [&](Converting& converting) {
        converting.settings.limits.header_octets = static_cast<unsigned>(size) + 200;
      },
      [](int octets) {
        return head + "X: " + std::string(static_cast<std::size_t>(octets), 'x') +
               "\r\n\r\ntext\r\n";
      });
}

TEST_CASE("fields of all headers", "[limits]") {
  check_edge(
      "limit:header-fields", 30,
      [](Converting& converting) { converting.settings.limits.header_fields = 33; },
      [](int fields) { return head + repeated("X: y\r\n", fields) + "\r\ntext\r\n"; });
}

TEST_CASE("addresses that become tokens", "[limits]") {
  const auto read = [](int count) {
    Converting converting;
    converting.settings.most_addresses = 5;
    return converting.read("From: a@b.example\r\nTo: " + repeated("x@example.net, ", count) +
                           "\r\n\r\ntext\r\n");
  };
  CHECK(read(5).header.to.size() == 5);
  CHECK_THAT(read(5).top, !Contains("To:"));
  const ReadMessage beyond = read(6);
  REQUIRE(beyond.header.to.size() == 1);
  CHECK(beyond.header.to[0].str() == "SMTP:undisclosed-recipients:;");
  CHECK_THAT(beyond.top, Contains("To: " + repeated("x@example.net, ", 5) + "x@example.net"));
}

TEST_CASE("octets of an attachment's name", "[limits]") {
  const auto name_of = [](std::size_t octets) {
    Converting converting;
    converting.settings.longest_name = 50;
    const std::string name = std::string(octets - 4, 'n') + ".txt";
    const ReadMessage message =
        converting.read(mixed(part_of("application/x-any; name=" + name, "x")));
    CHECK(message.header.attachments.at(0).original_name == (octets > 50 ? name : ""));
    return message.header.attachments.at(0).name;
  };
  CHECK(name_of(50) == std::string(46, 'n') + ".txt");
  CHECK(name_of(51) == std::string(46, 'n') + ".txt");
}

TEST_CASE("octets of a character set's name", "[limits]") {
  using smtpgate::postoffice::is_known_character_set;
  // iconv itself takes a name with its options behind slashes; longer ones never get there.
  const std::string longest = "UTF-8" + std::string(59, '.');
  CHECK(is_known_character_set("UTF-8"));
  CHECK_FALSE(is_known_character_set(longest));
  for (const std::size_t octets : {64, 65, 100'000}) {
    Converting converting;
    const ReadMessage message =
        converting.read(head + "Content-Type: text/plain; charset=" + std::string(octets, 'c') +
                        "\r\n\r\n\xC3\xBC\r\n");
    CHECK(message.text == "\xC3\xBC\n");
    CHECK(has_mark(message, "charset-guessed"));
  }
}

TEST_CASE("parameters of a field", "[limits]") {
  const auto found = [](int others) {
    std::string text = "a; ";
    for (int i = 0; i < others; ++i) text += "p" + std::to_string(i) + "=1; ";
    return std::string(parse_parameterized(text + "name=last").parameter("name"));
  };
  CHECK(found(99) == "last");
  CHECK(found(100).empty());
}

TEST_CASE("octets of a boundary", "[limits]") {
  const auto read = [](std::size_t octets) {
    const std::string name(octets, 'b');
    Converting converting;
    return converting.read(head + "Content-Type: multipart/mixed; boundary=" + name + "\r\n\r\n--" +
                           name + "\r\n\r\nin a part\r\n--" + name + "--\r\n");
  };
  CHECK(read(998).text == "in a part\n");
  const ReadMessage beyond = read(999);
  CHECK(has_mark(beyond, "boundary-missing"));
  CHECK_THAT(beyond.text, Contains("in a part") && Contains("--bbb"));
}

TEST_CASE("files inside parts", "[limits]") {
  const auto read = [](int files) {
    Converting converting;
    converting.settings.most_embedded_files = 3;
    return converting.read(head + "\r\n" + repeated(uuencoded("x", "octets"), files));
  };
  CHECK(read(3).header.attachments.size() == 4);  // and the part as it came
  CHECK_FALSE(has_mark(read(3), "limit:embedded-files"));
  const ReadMessage beyond = read(4);
  CHECK(has_mark(beyond, "limit:embedded-files"));
  CHECK_THAT(beyond.text, Contains("begin 644 x\n"));
}

TEST_CASE("TNEF inside TNEF, and its properties", "[limits]") {
  const auto marks = [](const std::string& tnef, const ContainerLimits& limits) {
    Converting converting;
    converting.settings.containers = limits;
    const ReadMessage message = converting.read(mixed(part_of("application/ms-tnef", tnef)));
    CHECK(message.contents.at(0) == tnef);
    return message.header.attachments.at(0).odd;
  };
  const auto nested = [](int depth) {
    std::string tnef = tnef_start() + simple_attachment("innermost", "x");
    while (depth-- > 0) tnef = tnef_start() + message_attachment("m", tnef);
    return tnef;
  };
  ContainerLimits limits;
  limits.tnef_depth = 2;
  CHECK_THAT(marks(nested(2), limits), !VectorContains(std::string("tnef-limit")));
  CHECK_THAT(marks(nested(3), limits), VectorContains(std::string("tnef-limit")));

  const auto with_properties = [](std::size_t count) {
    return tnef_start() + message_properties(std::vector<std::string>(
                              count, fixed_property(0x0003, 0x1234, 1, 4)));
  };
  limits.tnef_properties = 10;
  CHECK_THAT(marks(with_properties(10), limits), !VectorContains(std::string("tnef-limit")));
  CHECK_THAT(marks(with_properties(11), limits), VectorContains(std::string("tnef-limit")));
}

TEST_CASE("octets out of a container", "[limits]") {
  const std::string rtf(5000, 'r');
  const std::string tnef =
      tnef_start() + message_properties({variable_property(0x0102, 0x1009, compressed_rtf(rtf))});
  const auto marks = [&](std::uint64_t floor) {
    Converting converting;
    converting.settings.containers.expansion = 0;
    converting.settings.containers.expansion_floor = floor;
    return converting.read(mixed(part_of("application/ms-tnef", tnef))).header.attachments[0].odd;
  };
  CHECK_THAT(marks(5000), !VectorContains(std::string("tnef-limit")));
  CHECK_THAT(marks(4999), VectorContains(std::string("tnef-limit")));
}

TEST_CASE("octets out of HTML", "[limits]") {
  // What gives most text for its octets: a quote as deep as any is shown, in short lines.
  const std::string page =
      repeated("<blockquote>", 12) + repeated("<p>x", 2000) + repeated("<ul><li>", 2000) + "x";
  HtmlToText converter;
  std::string text;
  converter.feed(page, text);
  converter.finish(text);
  CHECK_THAT(text, Contains(repeated("> ", 10) + "x") && !Contains(repeated("> ", 11)));
  CHECK(text.size() < 100 * page.size());
}

TEST_CASE("the time that a message takes", "[limits]") {
  using namespace std::chrono_literals;
  const std::string message =
      mixed("--b\r\n\r\ntext\r\n" + part_of("application/x-any", std::string(500'000, 'x')));
  FakeClock counting;
  Converting unhurried;
  unhurried.settings.clock = counting.clock();
  const ReadMessage taken_apart = unhurried.read(message);
  CHECK(taken_apart.contents.size() == 1);
  REQUIRE(counting.looks > 5);

  // At the last look exactly so much has gone by, or a nanosecond more.
  const auto read = [&](std::chrono::nanoseconds beyond, Converting& converting) {
    converting.settings.longest_time = 60s;
    converting.settings.clock = [&, looks = 0U]() mutable {
      return std::chrono::steady_clock::time_point{} +
             (looks++ + 1 == counting.looks ? 60s + beyond : 0ns);
    };
    return converting.read(message);
  };
  Converting at_the_edge;
  CHECK(read(0ns, at_the_edge).contents == taken_apart.contents);
  Converting beyond;
  const ReadMessage kept = read(1ns, beyond);
  CHECK(has_mark(kept, "limit:seconds"));
  CHECK_THAT(kept.text, Contains("longer than 60 seconds"));
  REQUIRE(kept.contents.size() == 1);
  CHECK(kept.contents[0] == message);
  CHECK(kept.header.subject == "s");
  CHECK(kept.header.attachments[0].name == "message.eml");
  // Filed once, though another gateway was quicker.
  CHECK(beyond.content_key == unhurried.content_key);
}

TEST_CASE("wherever the time ends, the message is kept whole and its key is the same", "[limits]") {
  using namespace std::chrono_literals;
  // A container's spools and rendering, an alternative's page, octets between parts.
  const std::string tnef =
      tnef_start() +
      message_properties({variable_property(0x0102, 0x1009, compressed_rtf("{\\rtf1 x\\par}"))}) +
      simple_attachment("a", std::string(1000, 'a'));
  const std::string message =
      mixed("before\r\n" + part_of("application/ms-tnef", tnef) +
            "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n"
            "Content-Type: text/html\r\n\r\n<p>page\r\n--c--\r\n");
  Converting unhurried;
  FakeClock counting;
  unhurried.settings.clock = counting.clock();
  unhurried.read(message);
  REQUIRE(counting.looks > 8);
  for (unsigned last = 2; last <= counting.looks; ++last) {
    INFO("over at look " << last << " of " << counting.looks);
    Converting converting;
    unsigned looks = 0;
    converting.settings.clock = [&] {
      return std::chrono::steady_clock::time_point{} + (++looks >= last ? 1h : 0h);
    };
    const ReadMessage kept = converting.read(message);
    CHECK(has_mark(kept, "limit:seconds"));
    CHECK(kept.contents == std::vector<std::string>{message});
    CHECK(converting.content_key == unhurried.content_key);
  }
}
