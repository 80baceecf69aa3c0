// The streaming MIME parser: where its input is cut makes no difference, its limits hold where they
// stand, and what a sender can do costs little.
#include <random>
#include <string>
#include <vector>

#include "unit/catch.h"
#include "unit/converter/parser_events.h"
#include "unit/processor_time.h"

using namespace smtpgate::test;
using namespace std::string_literals;

namespace {

/// Messages with everything that the parser decides about.
std::vector<std::string> odd_messages() {
  const std::string nul = "a\0b\r\n"s;
  return {
      "",
      "\r\n",
      "\n",
      "\r",
      "A: b",
      "A: b\r\n",
      "A: b\r\n\r\nbody",
      "A: b\nC : d\n\te\n\nbody\nmore\r\r\n",
      "no header at all\r\nsecond line\r\n",
      "From somebody Mon\r\nA: b\r\n\r\nbody\r\n",
      ">From \r\nA: b\r\n\r\nbody\r\n",
      "From : a@b.example\r\n\r\nbody\r\n",
      "A: b\r\nno field\r\nC: d\r\n\r\nbody\r\n",
      "A: b\r\nno field\r\n fold\r\nother: x\r\nX-C: d\r\nagain\r\nSubject: y\r\n\r\nbody\r\n",
      "A: b;\r\nno field\r\n\r\nbody\r\n",
      "A: b\r\nno field\r\n\r\nbody\r\n",
      "A: b\r\nno field\r\n",
      "A: b\r\nno field",
      "\xEF\xBB\xBF \tA: b\r\n\r\nbody",
      multipart("--b\r\nA: b\r\nno field\r\nX-C: d\r\n\r\n\r\n--b\r\nA: b\r\nno field\r\n--b\r\n"
                "A: b\r\n" +
                std::string(1000, 'x') + "\r\nX-C: d\r\n--b--\r\n"),
      " leading blank\r\nA: b\r\n\r\nbody",
      "Content-Type: multipart/x; boundary=b\r\n--b\r\nContent-ID: x\r\n\r\nbody\r\n--b--\r\n",
      multipart(
          "--b\r\n leading\r\nblank\r\nContent-ID: b\r\n\r\nbody\r\n--b\r\nx\r\n--b\r\n \r\ny"),
      ": no name\r\n\r\nbody",
      "A: " + nul + "N" + nul + ": x\r\n\r\n" + nul,
      multipart("--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\ntwo\r\n--b--\r\n"),
      multipart("preamble\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n"),
      multipart("--b \t \r\n\r\none\n--b--"),
      multipart("--b\r\n--b\r\nA: b\r\n--b\r\nA: b\r\n\r\n--b\r\n\r\n\r\n--b--\r\n"),
      multipart("--b\r\n\r\none\r\n--b-\r\n--bb\r\n --b\r\n--B\r\n-\r\n--\r\n---b\r\n--b--x\r\n"),
      multipart("--b\r\n\r\none\r\n--b--\r\ntext\r\n--b\r\n\r\ntwo\r\n--b--\r\n--b--\r\n"),
      multipart("--b\r\nContent-Type: multipart/x; boundary=i\r\n\r\n--i\r\n\r\none\r\n--b\r\n\r\n"
                "two\r\n--i\r\nthree\r\n--b--\r\n"),
      multipart("--b\r\nContent-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n"
                "--b\r\n\r\ntwo\r\n--b--\r\n"),
      multipart("--b\r\nContent-Type: multipart/x; boundary=\"b--\"\r\n\r\n--b--\r\n\r\none\r\n"
                "--b----\r\n--b--\r\n"),
      multipart("--b\r\n\r\nSubject: x\r\n\r\none\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo",
                "digest"),
      multipart("--b" + std::string(256, ' ') + "\r\n\r\none\r\n--b" + std::string(257, ' ') +
                "\r\n\r\ntwo\r\n--b" + std::string(300, 'b') + "\r\n--b--\r\n"),
      multipart("--b\r\nnot a field\r\n--b\r\nalso: a field\r\nnot one\r\n--b--\r\n"),
      multipart("--b\r\n\r\r\r\n--b\r\n\r\n\r\r\n\n\r\n--b\r\n\r\n\n\n--b--\r\r\n"),
      "Content-Type: multipart/mixed; boundary=\"a: b\"\r\n\r\n--a: b\r\nX: y\r\n--a: b\r\n"
      "\r\none\r\n--a: b--\r\n",
      "Content-Type: multipart/mixed; boundary=\"foo bar\"\r\n\r\n--foo bar\r\n--foo bar\r\n"
      "\r\none\r\n--foo bar--\r\n",
      "Content-Type: multipart/mixed; boundary=b\r\n--b\r\n\r\none\r\n--b--\r\n",
      "Content-Type: multipart/mixed; boundary=b\r\n--b\r\ntwo lines\r\nof "
      "text\r\n\r\none\r\n--b--",
      "Content-Type: multipart/mixed; boundary=b\r\n--b\r\ntwo lines\r\nof text",
      "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none\r\n--b--\r\n",
      "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\none\r\n----\r\n",
  };
}

}  // namespace

TEST_CASE("where the pieces are cut makes no difference") {
  for (const std::string& message : odd_messages()) {
    const Events whole = parse(message, std::string_view::npos, 9, true);
    CHECK(whole.broken == LimitBroken::none);
    for (std::size_t size = 1; size <= message.size(); ++size) {
      const Events cut = parse(message, size, 9, true);
      if (cut == whole) continue;
      INFO("pieces of " << size << " of: " << message);
      CHECK(cut.log == whole.log);
      CHECK(cut.raw == whole.raw);
    }
  }
}

TEST_CASE("where the pieces are cut makes no difference, random messages") {
  std::mt19937 random(2);  // NOLINT: the same messages every time
  const std::vector<std::string> words = {"\r\n",
                                          "\r\n",
                                          "\n",
                                          "\r",
                                          "--",
                                          "-",
                                          "--b",
                                          "--b\r\n",
                                          "--b--\r\n",
                                          "--c",
                                          "--c--",
                                          " ",
                                          "text",
                                          "Content-Type: multipart/mixed; boundary=b\r\n",
                                          "Content-Type: multipart/digest; boundary=c\r\n\r\n",
                                          "A: b\r\n",
                                          "junk\r\n",
                                          "X-C: d;\r\n",
                                          "\r\n\r\n",
                                          ":"};
  for (int round = 0; round < 400; ++round) {
    std::string message = "Content-Type: multipart/mixed; boundary=c\r\n";
    for (std::size_t count = random() % 30; count > 0; --count)
      message += words[random() % words.size()];
    const Events whole = parse(message, std::string_view::npos, 1, true);
    for (std::size_t size = 1; size <= message.size(); ++size) {
      if (parse(message, size, 1, true) == whole) continue;
      FAIL("pieces of " << size << " of: " << message);
    }
  }
}

TEST_CASE("a header field of a mebibyte passes") {
  const std::string value(std::size_t{1} << 20, 'x');
  CHECK(fields_of("A:" + value + "\r\n\r\n") == "(text/plain 0.0 default{A:" + value + "}\n)\n");
}

TEST_CASE("each limit holds exactly where it stands") {
  const auto broken = [](const std::string& message, const ParserLimits& limits) {
    const Events whole = parse(message, std::string_view::npos, 0, false, limits);
    CHECK(parse(message, 1, 0, false, limits).broken == whole.broken);
    return whole.broken;
  };
  SECTION("depth") {
    std::string message;
    for (int level = 0; level < 3; ++level) {
      const std::string name(1, static_cast<char>('a' + level));
      message += "Content-Type: multipart/x; boundary=" + name + "\r\n\r\n--" + name + "\r\n";
    }
    CHECK(broken(message, {.depth = 3}) == LimitBroken::none);
    CHECK(broken(message, {.depth = 2}) == LimitBroken::depth);
  }
  SECTION("parts") {
    const std::string message = multipart("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n");
    CHECK(broken(message, {.parts = 3}) == LimitBroken::none);
    CHECK(broken(message, {.parts = 2}) == LimitBroken::parts);
  }
  SECTION("header octets of all blocks together") {
    const std::string message = multipart("--b\r\nAA: b\r\n\r\n1\r\n--b--\r\n");
    const std::uint64_t octets =
        std::string("Content-Type: multipart/mixed; boundary=b\r\n").size() + 7;
    CHECK(broken(message, {.header_octets = octets}) == LimitBroken::none);
    CHECK(broken(message, {.header_octets = octets - 1}) == LimitBroken::header_octets);
    CHECK(broken("A:" + std::string(500, ' '), {.header_octets = 100}) ==
          LimitBroken::header_octets);
    const std::string mended = "A: b\r\njunk\r\nX-C: d\r\n\r\n";
    CHECK(broken(mended, {.header_octets = mended.size() - 2}) == LimitBroken::none);
    CHECK(broken(mended, {.header_octets = mended.size() - 3}) == LimitBroken::header_octets);
  }
  SECTION("header fields of all blocks together") {
    const std::string message = multipart("--b\r\nA: b\r\n c\r\n\r\n1\r\n--b--\r\n");
    CHECK(broken(message, {.header_fields = 2}) == LimitBroken::none);
    CHECK(broken(message, {.header_fields = 1}) == LimitBroken::header_fields);
  }
}

TEST_CASE("nothing happens after a limit is broken") {
  const std::string message = multipart("--b\r\n\r\none\r\n");
  Recorder recorder(message);
  MimeParser parser(recorder, {.parts = 1});
  parser.feed(message);
  REQUIRE(parser.limit_broken() == LimitBroken::parts);
  const std::string before = recorder.log();
  parser.feed("more\r\n--b--\r\n");
  parser.finish();
  CHECK(recorder.log() == before);
}

TEST_CASE("a huge line that is no header is not held as one") {
  const std::string line(std::size_t{4} << 20, 'x');
  const Events events = parse(line, 4096, 0, false, {.header_octets = 10'000});
  CHECK(events.broken == LimitBroken::none);
  CHECK(events.log == "(text/plain 0.0 cut default\nbody[" + line + "]\n)\n");
}

namespace {

struct Counter : EntityHandler {
  void begin_entity(const EntityStart&) override { ++entities; }
  void body(std::string_view piece) override { octets += piece.size(); }
  void between(std::string_view, bool) override {}
  void end_entity(bool) override { ++ended; }
  bool wants_raw(unsigned) override { return false; }
  void raw(std::string_view) override {}
  std::uint64_t entities = 0;
  std::uint64_t ended = 0;
  std::uint64_t octets = 0;
};

}  // namespace

TEST_CASE("a thousand open boundaries and a million lines of dashes cost little") {
  Counter counter;
  MimeParser parser(counter, {.depth = 2'000});
  std::string message;
  for (int level = 0; level < 1'000; ++level) {
    const std::string name = "boundary-" + std::to_string(level);
    message += "Content-Type: multipart/x; boundary=" + name + "\r\n\r\n--" + name + "\r\n";
  }
  message += "\r\n";
  const std::size_t start = message.size();
  for (int line = 0; line < 1'000'000; ++line) message += "--xx\r\n";
  const smtpgate::test::ProcessorTime took;
  parser.feed(message);
  parser.finish();
  // Quadratic work would take many seconds; the bound is wide for slow and instrumented machines.
  CHECK(took.seconds() < 5);
  CHECK(counter.entities == 1'001);
  CHECK(counter.octets == message.size() - start);
}

TEST_CASE("a boundary is found wherever it stands in a long body") {
  for (std::size_t size = 900; size < 2300; ++size) {
    std::string body;
    while (body.size() + 20 < size) body += "line of 18 chars\r\n";
    body += std::string(size - body.size(), '-');
    const std::string message = multipart("--b\r\n\r\n" + body + "\r\n--b--\r\n" + body);
    const std::string wanted = "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[" +
                               body + "]\n)\nafter[" + body + "]\n)\n";
    if (log_of(message) != wanted) FAIL("a body of " << size << " octets");
  }
}

TEST_CASE("a hundred thousand nested multiparts are only as deep as the limit allows") {
  Counter counter;
  MimeParser parser(counter, {.depth = 1'000'000, .parts = 1'000'000, .header_fields = 1'000'000});
  const smtpgate::test::ProcessorTime took;
  for (int level = 0; level < 100'000; ++level) {
    const std::string name = std::to_string(level);
    parser.feed("Content-Type: multipart/x; boundary=" + name + "\r\n\r\n--" + name + "\r\n");
  }
  parser.finish();
  CHECK(took.seconds() < 10);
  CHECK(counter.entities == 100'001);
  CHECK(counter.ended == counter.entities);
}
