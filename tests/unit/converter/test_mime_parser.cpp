// The streaming MIME parser: which events it makes of good and bad messages, that the cuts of the
// input do not matter, and that its limits hold where they stand.
#include <random>
#include <string>
#include <vector>

#include "converter/mime_parser.h"
#include "unit/catch.h"
#include "unit/processor_time.h"

using namespace smtpgate::converter;
using namespace std::string_literals;

namespace {

/// Writes the events as one readable string; neighbouring pieces of a kind are joined. Notes
/// whether body and raw octets stand in the message where the entity's offsets say.
class Recorder : public EntityHandler {
 public:
  explicit Recorder(std::string_view message) : message_(message) {}

  void begin_entity(const EntityStart& entity) override {
    body_at_ = entity.body_offset;
    if (raw_at_ == unknown) {
      raw_at_ = entity.offset;
      expect_at(raw_at_, early_raw_);
    }
    end_run();
    log_ += "(" + entity.content_type.str();
    log_ += " " + std::to_string(entity.depth) + "." + std::to_string(entity.child_index);
    if (entity.is_multipart) log_ += " multipart";
    if (entity.header_cut) log_ += " cut";
    if (entity.header_mended) log_ += " mended";
    if (!entity.stray.empty()) log_ += " stray[" + std::string(entity.stray) + "]";
    if (entity.content_type.is_default) log_ += " default";
    for (const HeaderField& field : entity.header.all()) {
      if (show_fields) log_ += "{" + field.name + ":" + field.value + "}";
    }
    log_ += "\n";
  }
  void body(std::string_view piece) override {
    expect_at(body_at_, piece);
    add("body", piece);
  }
  void between(std::string_view piece, bool after_parts) override {
    add(after_parts ? "after" : "before", piece);
  }
  void end_entity(bool closed) override {
    end_run();
    log_ += closed ? ")\n" : ") open\n";
  }
  bool wants_raw(unsigned child_index) override {
    ++asked_for_raw;
    end_run();
    if (raw_.empty() == false) raw_ += "|";
    early_raw_.clear();
    raw_at_ = unknown;
    return child_index < raw_children;
  }
  void raw(std::string_view piece) override {
    if (raw_at_ == unknown) {
      early_raw_ += piece;
    } else {
      expect_at(raw_at_, piece);
    }
    raw_ += piece;
  }

  std::string log() {
    end_run();
    return log_;
  }
  const std::string& raw_octets() const { return raw_; }

  bool show_fields = false;
  unsigned raw_children = 0;
  unsigned asked_for_raw = 0;
  bool is_in_place = true;

 private:
  static constexpr std::uint64_t unknown = ~std::uint64_t{0};

  void expect_at(std::uint64_t& offset, std::string_view octets) {
    is_in_place =
        is_in_place && offset <= message_.size() && message_.substr(offset).starts_with(octets);
    offset += octets.size();
  }
  void add(const char* kind, std::string_view piece) {
    if (run_kind_ != kind) end_run();
    run_kind_ = kind;
    run_ += piece;
  }
  void end_run() {
    if (!run_kind_.empty()) log_ += run_kind_ + "[" + run_ + "]\n";
    run_kind_.clear();
    run_.clear();
  }
  std::string_view message_;
  std::uint64_t body_at_ = 0;
  std::uint64_t raw_at_ = 0;  ///< unknown: the entity to repeat has not begun
  std::string early_raw_;     ///< its octets until then
  std::string log_;
  std::string run_kind_;
  std::string run_;
  std::string raw_;
};

struct Events {
  std::string log;
  std::string raw;
  LimitBroken broken;

  bool operator==(const Events&) const = default;
};

Events parse(std::string_view message, std::size_t piece = std::string_view::npos,
             unsigned raw_children = 0, bool show_fields = false, const ParserLimits& limits = {}) {
  Recorder recorder(message);
  recorder.raw_children = raw_children;
  recorder.show_fields = show_fields;
  MimeParser parser(recorder, limits);
  for (std::size_t at = 0; at < message.size();) {
    const std::string_view next = message.substr(at, piece);
    // A copy of exact size, so that the address sanitizer sees any look beyond the piece.
    const std::vector<char> copy(next.begin(), next.end());
    parser.feed(std::string_view(copy.data(), copy.size()));
    at += next.size();
  }
  parser.finish();
  if (!recorder.is_in_place) FAIL("offsets are wrong in: " << message);
  return {recorder.log(), recorder.raw_octets(), parser.limit_broken()};
}

std::string log_of(std::string_view message) {
  return parse(message).log;
}
std::string fields_of(std::string_view message) {
  return parse(message, std::string_view::npos, 0, true).log;
}

std::string multipart(std::string_view body, std::string_view subtype = "mixed") {
  return "Content-Type: multipart/" + std::string(subtype) + "; boundary=b\r\n\r\n" +
         std::string(body);
}

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

TEST_CASE("a plain message is one leaf with its body as it came") {
  CHECK(fields_of("Subject: hello\r\nX-Fold: a\r\n b\r\n\r\nline\r\n\r\nlast") ==
        "(text/plain 0.0 default{Subject: hello}{X-Fold: a\r\n b}\nbody[line\r\n\r\nlast]\n)\n");
}

TEST_CASE("an empty message is an empty leaf") {
  CHECK(log_of("") == "(text/plain 0.0 default\n)\n");
  CHECK(log_of("\r\n") == "(text/plain 0.0 default\n)\n");
}

TEST_CASE("a header that ends with the message needs no blank line") {
  CHECK(fields_of("A: b") == "(text/plain 0.0 default{A: b}\n)\n");
  CHECK(fields_of("A: b\r\n c") == "(text/plain 0.0 default{A: b\r\n c}\n)\n");
}

TEST_CASE("a line that is no field ends the header and begins the body") {
  CHECK(fields_of("A: b\r\nno field\r\nC: d\r\n\r\nx") ==
        "(text/plain 0.0 cut default{A: b}\nbody[no field\r\nC: d\r\n\r\nx]\n)\n");
  CHECK(fields_of("hello world\r\nA: b\r\n") ==
        "(text/plain 0.0 cut default\nbody[hello world\r\nA: b\r\n]\n)\n");
  CHECK(fields_of("hello") == "(text/plain 0.0 cut default\nbody[hello]\n)\n");
  CHECK(fields_of(" blank first\r\n") ==
        "(text/plain 0.0 cut default\nbody[ blank first\r\n]\n)\n");
  CHECK(fields_of(": x\r\n\r\n") == "(text/plain 0.0 cut default\nbody[: x\r\n\r\n]\n)\n");
}

TEST_CASE("a fold that lost its blank is the rest of its field if fields go on behind it") {
  CHECK(fields_of("A: b;\r\nname=x\r\n y\r\nX-C: d\r\n\r\nbody") ==
        "(text/plain 0.0 mended default{A: b;\r\nname=x\r\n y}{X-C: d}\nbody[body]\n)\n");
  CHECK(fields_of("A: b\r\njunk\r\nmore: junk\r\nSubject: c\r\n\r\nbody") ==
        "(text/plain 0.0 mended default{A: b\r\njunk\r\nmore: junk}{Subject: c}\nbody[body]\n)\n");
}

TEST_CASE(
    "a fold that lost its blank at the end of a header belongs to a field that is unfinished") {
  CHECK(log_of("Content-Type: multipart/mixed;\r\nboundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n") ==
        "(multipart/mixed 0.0 multipart mended\n(text/plain 1.0 default\nbody[x]\n)\n)\n");
  CHECK(fields_of("A: \"b\r\nc\"\r\n\r\nx") ==
        "(text/plain 0.0 mended default{A: \"b\r\nc\"}\nbody[x]\n)\n");
  CHECK(fields_of("A: b\r\nHello,\r\n\r\nx") ==
        "(text/plain 0.0 cut default{A: b}\nbody[Hello,\r\n\r\nx]\n)\n");
}

TEST_CASE("text behind a header without a blank line is text, whatever looks like a field in it") {
  CHECK(fields_of("A: b\r\nHello\r\nAgenda: one\r\n\r\nx") ==
        "(text/plain 0.0 cut default{A: b}\nbody[Hello\r\nAgenda: one\r\n\r\nx]\n)\n");
  const std::string text = std::string(900, 'x') + "\r\n";
  std::string body;
  for (int line = 0; line < 5; ++line) body += text;
  CHECK(fields_of("A: b\r\n" + body + "Subject: c\r\n") ==
        "(text/plain 0.0 cut default{A: b}\nbody[" + body + "Subject: c\r\n]\n)\n");
  CHECK(log_of(multipart("--b\r\nA: b\r\nHello\r\n--b--\r\nSubject: x\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\nbody[Hello]\n)\n"
        "after[Subject: x\r\n]\n)\n");
}

TEST_CASE("lines after a boundary that itself ended the header are the part's, none is lost") {
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\n"
               "--b\r\ntwo lines\r\nof text\r\n\r\none\r\n--b--\r\n") ==
        "(multipart/mixed 0.0 multipart cut\n(text/plain 1.0 cut default\n"
        "body[two lines\r\nof text\r\n\r\none]\n)\n)\n");
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\n--b\r\ntwo lines\r\nof text") ==
        "(multipart/mixed 0.0 multipart cut\n(text/plain 1.0 cut default\n"
        "body[two lines\r\nof text]\n) open\n) open\n");
}

TEST_CASE("a byte order mark or a blank before the first field of a message is forgiven") {
  CHECK(fields_of("\xEF\xBB\xBF"
                  "A: b\r\n\r\nx") == "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of(" \tA: b\r\n\r\nx") == "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of(" \r\nA: b\r\n") == "(text/plain 0.0 cut default\nbody[ \r\nA: b\r\n]\n)\n");
  CHECK(fields_of("\xEF\xBB"
                  "A: b") ==
        "(text/plain 0.0 cut default\nbody[\xEF\xBB"
        "A: b]\n)\n");
  CHECK(
      log_of(multipart("--b\r\n A: b\r\n\r\nx\r\n--b--\r\n")) ==
      "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\nbody[ A: b\r\n\r\nx]\n)\n)\n");
}

TEST_CASE("lines before the first field of a part are told beside it, and are not its body") {
  CHECK(log_of(multipart("--b\r\n\tcharset=x\r\nContent-Type: image/x\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "(image/x 1.0 mended stray[\tcharset=x\r\n]\nbody[one]\n)\n)\n");
  CHECK(log_of(multipart("--b\r\n\r\nx\r\n--b\r\nno field\r\n: none\r\nContent-ID: a\r\n"
                         "Content-Type: image/x\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[x]\n)\n"
        "(image/x 1.1 mended stray[no field\r\n: none\r\n]\nbody[one]\n)\n)\n");
  // Only MIME's own fields say that a header follows: text has colons too.
  CHECK(log_of(multipart("--b\r\nHi,\r\nSubject: x\r\nContents: y\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\n"
        "body[Hi,\r\nSubject: x\r\nContents: y\r\n\r\none]\n)\n)\n");
  CHECK(log_of(multipart("--b\r\n Content-Type: image/x;\r\n name=y\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(image/x 1.0\nbody[one]\n)\n)\n");
  const std::string text = std::string(900, 'x') + "\r\n";
  std::string lines;
  for (int line = 0; line < 5; ++line) lines += text;
  CHECK(log_of(multipart("--b\r\n" + lines + "Content-Type: image/x\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\nbody[" + lines +
            "Content-Type: image/x\r\n\r\none]\n)\n)\n");
}

TEST_CASE("a multipart's parts may begin straight behind its header") {
  const std::string parts = "--b\r\nContent-Type: image/x\r\n\r\none\r\n--b--\r\n";
  const std::string events = "(multipart/mixed 0.0 multipart cut\n(image/x 1.0\nbody[one]\n)\n)\n";
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\n" + parts) == events);
  CHECK(log_of("Content-Type: multipart/mixed;\r\n boundary=b\r\n" + parts) == events);
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\nSubject: x\r\n" + parts) == events);
  CHECK(log_of(multipart("--b\r\nContent-Type: multipart/mixed; boundary=i\r\n--i\r\n"
                         "Content-Type: image/x\r\n\r\none\r\n--i--\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(multipart/mixed 1.0 multipart cut\n"
        "(image/x 2.0\nbody[one]\n)\n)\n)\n");
  // A boundary may have a colon, and then looks like a field.
  CHECK(
      log_of("Content-Type: multipart/mixed; boundary=\"a:b\"\r\n--a:b\r\nContent-Type: image/x\r\n"
             "\r\none\r\n--a:b--\r\n") == events);
  // Another line of dashes is a broken fold, as any other line is.
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\nX: y\r\n--c\r\nSubject: x\r\n\r\n" +
               parts) == "(multipart/mixed 0.0 multipart mended\n(image/x 1.0\nbody[one]\n)\n)\n");
}

TEST_CASE("an mbox line before the first field is no part of the message") {
  CHECK(fields_of("From a@b.example Mon Jan 1\r\nA: b\r\n\r\nx") ==
        "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of(">From a\r\nA: b\r\n\r\nx") == "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of("From : a\r\n\r\nx") == "(text/plain 0.0 default{From: a}\nbody[x]\n)\n");
  CHECK(fields_of("A: b\r\nFrom x\r\n") ==
        "(text/plain 0.0 cut default{A: b}\nbody[From x\r\n]\n)\n");
}

TEST_CASE("NUL octets and lone CR or LF pass through header and body") {
  CHECK(fields_of("A: b\0c\rd\nE: f\n\nx\0y\rz\nw"s) ==
        "(text/plain 0.0 default{A: b\0c\rd}{E: f}\nbody[x\0y\rz\nw]\n)\n"s);
}

TEST_CASE("parts, preamble and epilogue of a multipart") {
  CHECK(log_of(multipart("pre\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: image/x\r\n\r\ntwo\r\n\r\n"
                         "--b--\r\npost\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "before[pre]\n"
        "(text/plain 1.0 default\nbody[one]\n)\n"
        "(image/x 1.1\nbody[two\r\n]\n)\n"
        "after[post\r\n]\n)\n");
}

TEST_CASE("lines that only look like boundaries are body") {
  const std::string body = "--b-\r\n--bb\r\n --b\r\n--B\r\n-\r\n--\r\n---b\r\n--b--x";
  CHECK(log_of(multipart("--b\r\n\r\n" + body + "\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[" + body + "]\n)\n)\n");
}

TEST_CASE("the last boundary needs no line end and may have blanks after it") {
  CHECK(log_of(multipart("--b \t\r\n\r\none\r\n--b-- ")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one]\n)\n)\n");
}

TEST_CASE("a multipart that ends inside a part says so") {
  CHECK(log_of(multipart("--b\r\n\r\none\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one\r\n]\n) open\n) open\n");
}

TEST_CASE("a multipart whose boundary never comes is all preamble") {
  CHECK(log_of(multipart("one\r\ntwo\r\n")) ==
        "(multipart/mixed 0.0 multipart\nbefore[one\r\ntwo\r\n]\n) open\n");
}

TEST_CASE("a multipart without a usable boundary is a leaf") {
  for (const std::string& parameter :
       {std::string(), std::string("; boundary=\"\""), std::string("; boundary=\"  \""),
        "; boundary=\"" + std::string(999, 'x') + "\""}) {
    CHECK(log_of("Content-Type: multipart/mixed" + parameter + "\r\n\r\n--\r\nx\r\n") ==
          "(multipart/mixed 0.0\nbody[--\r\nx\r\n]\n)\n");
  }
}

TEST_CASE("a boundary of 998 octets works, and so do blanks at the end of the parameter") {
  const std::string boundary(998, 'x');
  CHECK(log_of("Content-Type: multipart/mixed; boundary=\"" + boundary + " \"\r\n\r\n--" +
               boundary + "\r\n\r\none\r\n--" + boundary + "--\r\n") ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one]\n)\n)\n");
}

TEST_CASE("a boundary inside a header block ends the entity") {
  CHECK(log_of(multipart("--b\r\nContent-Type: image/x\r\n--b\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(image/x 1.0 cut\n)\n(text/plain 1.1 cut default\n)\n)\n");
}

TEST_CASE("a part after the close-delimiter is still a part") {
  CHECK(log_of(multipart("--b\r\n\r\none\r\n--b--\r\nx\r\n--b\r\n\r\ntwo\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one]\n)\nafter[x]\n"
        "(text/plain 1.1 default\nbody[two]\n)\n)\n");
}

TEST_CASE("an outer boundary ends all that is inside") {
  const std::string inner = "Content-Type: multipart/alternative; boundary=i\r\n\r\n";
  CHECK(log_of(multipart("--b\r\n" + inner +
                         "--i\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--i\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "(multipart/alternative 1.0 multipart\n(text/plain 2.0 default\nbody[one]\n)\n) open\n"
        "(text/plain 1.1 default\nbody[two\r\n--i]\n)\n)\n");
}

TEST_CASE("a multipart inside one with the same boundary gives it back when it is closed") {
  const std::string inner = "Content-Type: multipart/alternative; boundary=b\r\n\r\n";
  CHECK(log_of(multipart("--b\r\n" + inner +
                         "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "(multipart/alternative 1.0 multipart\n(text/plain 2.0 default\nbody[one]\n)\n)\n"
        "(text/plain 1.1 default\nbody[two]\n)\n)\n");
}

TEST_CASE("parts of a digest are messages unless they say otherwise") {
  CHECK(log_of(multipart("--b\r\n\r\nA: b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\ny\r\n"
                         "--b--\r\n",
                         "digest")) ==
        "(multipart/digest 0.0 multipart\n(message/rfc822 1.0 default\nbody[A: b\r\n\r\nx]\n)\n"
        "(text/html 1.1\nbody[y]\n)\n)\n");
}

TEST_CASE("a nested message is a leaf: what looks like boundaries in it is still found outside") {
  CHECK(log_of(
            multipart("--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
                      "multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(message/rfc822 1.0\nbody[Content-Type: multipart/mixed; "
        "boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--]\n)\n)\n");
}

TEST_CASE("raw repeats a part octet by octet, without the line end of its boundary") {
  const std::string part =
      "Content-Type: multipart/x; boundary=i\r\n\r\npre\r\n--i\r\nA: b\r\n\r\n"
      "one\r\n--i--  \r\npost\r\n";
  const std::string message =
      multipart("--b\r\n" + part + "\r\n--b\r\nA: b\r\n\r\nsignature\r\n--b--\r\n", "signed");
  CHECK(parse(message, std::string_view::npos, 1).raw == part + "|");
  CHECK(parse(message, std::string_view::npos, 2).raw == part + "|A: b\r\n\r\nsignature");
}

TEST_CASE("raw of parts without body, without header, and cut by the end") {
  const auto raw_of = [](std::string_view parts) {
    return parse(multipart(parts), std::string_view::npos, 9).raw;
  };
  CHECK(raw_of("--b\r\nA: b\r\n--b--\r\n") == "A: b");
  CHECK(raw_of("--b\r\nA: b\r\n\r\n--b--\r\n") == "A: b\r\n");
  CHECK(raw_of("--b\r\n\r\n\r\n--b--\r\n") == "\r\n");
  CHECK(raw_of("--b\r\nno field\r\n--b--\r\n") == "no field");
  CHECK(raw_of("--b\r\nA: b") == "A: b");
  CHECK(raw_of("--b\r\nA: b\r\n\r\nx\r\n") == "A: b\r\n\r\nx\r\n");
  CHECK(raw_of("--b\r\nA: b\r\n\r\nx\r\n--") == "A: b\r\n\r\nx\r\n--");
}

TEST_CASE("a signed part inside a signed part is in the outer one's raw octets") {
  const std::string inner =
      "Content-Type: multipart/signed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--";
  const std::string message = multipart("--b\r\n" + inner + "\r\n--b--\r\n", "signed");
  Recorder recorder(message);
  recorder.raw_children = 9;
  MimeParser parser(recorder, {});
  parser.feed(message);
  parser.finish();
  CHECK(recorder.asked_for_raw == 1);
  CHECK(recorder.raw_octets() == inner);
}

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
