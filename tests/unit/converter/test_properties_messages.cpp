// What must hold for whole messages, whatever is in them: nothing is dropped, and where a message
// is cut while it is read changes nothing.
#include <algorithm>
#include <random>
#include <string>

#include "converter/base64_encoder.h"
#include "converter/mime_parser.h"
#include "converter/quoted_printable_encoder.h"
#include "unit/converter/conversion_fixture.h"
#include "unit/converter/text_file_fixture.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/property.h"

using namespace smtpgate::converter;
using namespace smtpgate::test;
using smtpgate::postoffice::FaultyFileSystem;

namespace {

/// What mail is made of, whole and broken, in any order; and noise. Nothing here says what the
/// octets of a body mean otherwise than as ASCII, and no code of its own (yEnc) takes any octet.
const std::vector<std::string> fragments = {
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "Content-Type: multipart/alternative; boundary=\"c\"\r\n",
    "Content-Type: multipart/signed; boundary=c\r\n",
    "Content-Type: multipart/related;\r\n boundary=b; start=\"<1>\"\r\n",
    "Content-Type: multipart/mixed\r\n",
    "Content-Type: text/plain; charset=utf-8\r\n",
    "Content-Type: text/html\r\n",
    "Content-Type: message/rfc822\r\n",
    "Content-Type: application/octet-stream; name=a.bin\r\n",
    "Content-Disposition: attachment; filename=a.txt\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "Content-Transfer-Encoding: x-uuencode\r\n",
    "Content-Transfer-Encoding: 8bit\r\n",
    "Content-Transfer-Encoding: none at all\r\n",
    "MIME-Version: 1.0\r\n",
    "Subject: s\r\n",
    "From: a@b.example\r\n",
    "X-Folded: a\r\n b\r\n",
    "--b\r\n",
    "--b\r\n",
    "--b  \r\n",
    "--b",
    "--b--\r\n",
    "--c\r\n",
    "--c--\r\n",
    "--",
    "--bc\r\n",
    "\r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    " ",
    "A line of text.\r\n",
    "no colon here\r\n",
    "> From here\r\n",
    "QUJDREVGR0hJSktM\r\n",
    "QUI=\r\n",
    "=C3=BC=\r\n",
    "=",
    "begin 644 x\r\n#0V%T\r\n`\r\nend\r\n",
    "begin 644 y\r\n",
    "<p>page</p><script>",
    "<!-- ",
    std::string("\0", 1),
    "\xFF",
    "\xC3",
    std::string(1100, 'l')};

/// Not a letter of base64, uuencode or BinHex, and nothing that quoted-printable or HTML changes.
std::string needle(std::size_t number) {
  const std::string digits = std::to_string(number);
  return "!n" + std::string(4 - std::min<std::size_t>(4, digits.size()), '0') + digits + "n!";
}

struct Haystack {
  std::string message;
  std::size_t needles = 0;
};

Haystack haystack() {
  auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(fragments));
  Haystack result;
  if (*rc::gen::inRange(0, 3) > 0) {
    result.message =
        "From: a@b.example\r\nMIME-Version: 1.0\r\n" +
        *rc::gen::elementOf(std::vector<std::string>(fragments.begin(), fragments.begin() + 9)) +
        *rc::gen::element<std::string>("\r\n",
                                       "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                                       "Content-Transfer-Encoding: base64\r\n\r\n");
  }
  const bool by_lines = *rc::gen::arbitrary<bool>();
  for (const std::string& piece : pieces) {
    result.message += piece + needle(result.needles++) + (by_lines ? "\r\n" : "");
  }
  CrlfNormalizer normalizer;
  result.message = std::string(normalizer.feed(result.message));
  return result;
}

/// Follows the events through the message, and holds them to it: what lies between them must be
/// headers, where the parser says, and boundary lines of multiparts that are open there.
class Accountant : public EntityHandler {
 public:
  explicit Accountant(std::string_view message) : message_(message) {}

  void begin_entity(const EntityStart& entity) override {
    pass_boundaries(entity.offset);
    RC_ASSERT(at_ == entity.offset);
    RC_ASSERT(entity.body_offset >= entity.offset);
    at_ = entity.body_offset;
    closed_.clear();
    open_.emplace_back(entity.is_multipart ? entity.content_type.parsed.parameter("boundary") : "");
    handed += '\n';
  }
  void body(std::string_view piece) override { take(piece); }
  void between(std::string_view piece, bool) override { take(piece); }
  void end_entity(bool) override {
    closed_.push_back(open_.back());
    open_.pop_back();
    handed += '\n';
  }
  bool wants_raw(unsigned) override { return false; }
  void raw(std::string_view) override {}

  void finish() {
    pass_boundaries(message_.size());
    RC_ASSERT(at_ == message_.size());
  }

  std::string handed;  ///< bodies and what is between, entity by entity

 private:
  void take(std::string_view piece) {
    pass_boundaries(message_.size());
    RC_ASSERT(message_.substr(at_, piece.size()) == piece);
    at_ += piece.size();
    closed_.clear();
    handed += piece;
  }
  /// Each with the line end before it. A boundary line can be nothing else, so all there are.
  void pass_boundaries(std::size_t end) {
    while (at_ < end) {
      const bool at_line_start = at_ == 0 || message_[at_ - 1] == '\n';
      std::size_t line = at_;
      if (message_.substr(at_, 2) == "\r\n") {
        line += 2;
      } else if (!at_line_start) {
        return;
      }
      const std::size_t line_end = std::min(message_.find('\n', line), message_.size());
      if (!is_boundary(message_.substr(line, line_end - line))) return;
      at_ = std::min(line_end + 1, message_.size());
    }
  }
  bool is_boundary(std::string_view line) const {
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    const auto is_of = [&](const std::string& boundary) {
      return !boundary.empty() && (line == "--" + boundary || line == "--" + boundary + "--");
    };
    return std::any_of(open_.begin(), open_.end(), is_of) ||
           std::any_of(closed_.begin(), closed_.end(), is_of);
  }

  std::string_view message_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;    ///< boundaries; empty for a leaf
  std::vector<std::string> closed_;  ///< since the last octet that was handed on
};

Accountant account(const std::string& message, const std::vector<std::string>& pieces) {
  Accountant accountant(message);
  MimeParser parser(accountant, {});
  for (const std::string& piece : pieces) parser.feed(piece);
  parser.finish();
  RC_ASSERT(parser.limit_broken() == LimitBroken::none);
  accountant.finish();
  return accountant;
}

/// A tree of parts as a careful program writes it, and what is in its leaves.
struct Tree {
  std::string message;
  std::vector<std::string> leaves;
  unsigned multiparts = 0;

  void add(unsigned depth) {
    if (depth == 0 || *rc::gen::inRange(0, 3) == 0) return add_leaf();
    const std::string boundary = "=_boundary-" + std::to_string(multiparts++) + "_";
    const std::string kind = *rc::gen::element<std::string>("mixed", "mixed", "signed", "digest",
                                                            "alternative", "related", "x-new");
    message += "Content-Type: multipart/" + kind + ";\r\n boundary=\"" + boundary + "\"\r\n\r\n";
    // A signed entity would come a second time.
    const int children = kind == "signed" ? 0 : *rc::gen::inRange(1, 5);
    for (int i = 0; i < children; ++i) {
      message += "\r\n--" + boundary + "\r\n";
      add(depth - 1);
    }
    message += "\r\n--" + boundary + "--\r\n";
  }

 private:
  void add_leaf() {
    const std::string contents = *octets();
    message +=
        "Content-Type: application/x-any; name=f\r\nContent-Disposition: attachment\r\n"
        "Content-Transfer-Encoding: ";
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        message += "quoted-printable\r\n\r\n";
        QuotedPrintableEncoder encoder;
        encoder.feed(contents, message);
        encoder.finish(message);
        break;
      }
      case 1:
        message += "x-uuencode\r\n\r\n" + uuencoded("x", contents);
        break;
      default: {
        message += "base64\r\n\r\n";
        Base64Encoder encoder;
        encoder.feed(contents, message);
        encoder.finish(message);
      }
    }
    leaves.push_back(contents);
  }
};

}  // namespace

TEST_CASE("the parser accounts for every octet, whatever comes", "[property]") {
  check_property(400, 60, [] {
    const Haystack hay = haystack();
    account(hay.message, cut_anywhere(hay.message));
  });
}

TEST_CASE("every octet of a body is somewhere in the file, whatever comes", "[property]") {
  check_property(150, 60, [] {
    const Haystack hay = haystack();
    const std::string handed = account(hay.message, {hay.message}).handed;
    Converting converting;
    const std::string file = converting.convert(hay.message);
    for (std::size_t i = 0; i < hay.needles; ++i) {
      const std::string wanted = needle(i);
      if (handed.find(wanted) == std::string::npos) continue;
      if (file.find(wanted) == std::string::npos) RC_FAIL(wanted + " is lost");
    }
  });
}

TEST_CASE("every leaf of a tree of parts comes out as it went in", "[property]") {
  check_property(60, 60, [] {
    Tree tree;
    tree.message = "From: a@b.example\r\nMIME-Version: 1.0\r\n";
    tree.add(4);
    Converting converting;
    const ReadMessage found = converting.read(tree.message);
    RC_ASSERT(found.contents == tree.leaves);
    RC_ASSERT(found.text.empty());
  });
}

TEST_CASE("reading in pieces of any size gives the same", "[property]") {
  const auto chain = [](const Converting& converting) {
    std::string all;
    for (const char* const name : {"SMTP_IN.ENV", "SMTP_IN.822", "API_OUT.TMP", "TO_NC.API"}) {
      all += read_whole(converting.directory / name);
    }
    return all;
  };
  check_property(100, 60, [&] {
    std::string message = haystack().message;
    if (*rc::gen::arbitrary<bool>()) {
      Tree tree;
      tree.message = "From: a@b.example\r\nMIME-Version: 1.0\r\n";
      tree.add(3);
      message = tree.message;
    }
    Converting whole;
    whole.convert(message);
    // Fed in pieces, and read again in pieces from disk, by the parser and by who writes the file.
    FaultyFileSystem files;
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    const auto most = *rc::gen::element<std::size_t>(1, 7, 100, 5000);
    files.shorten_reads([&] { return random() % most + 1; });
    Converting cut;
    cut.piece = *rc::gen::inRange<std::size_t>(1, 200);
    cut.files = &files;
    cut.memory = *rc::gen::element<std::size_t>(0, 1, 100, 4000);
    cut.convert(message);
    RC_ASSERT(cut.content_key == whole.content_key);
    RC_ASSERT(chain(cut) == chain(whole));
  });
}
