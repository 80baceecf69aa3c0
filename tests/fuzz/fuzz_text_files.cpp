// Files in texts on any octets: whatever is in them, cuts change nothing, the handler's calls come
// in order, a text in which no file was found comes out as it went in, and no more comes out than
// the encodings can hold. The first octet chooses the way, the second the cuts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "converter/flowed_join.h"
#include "converter/text_file_scanner.h"
#include "converter/text_leaf.h"
#include "converter/transfer_decoder.h"

namespace {

using namespace smtpgate::converter;

void require(bool condition) {
  if (!condition) std::abort();
}

class Recorder : public EmbeddedFileHandler {
 public:
  void begin_file(const EmbeddedFile& file) override {
    require(!open_);
    open_ = true;
    ++files;
    seen += "<" + file.name + ">";
  }
  void file_octets(std::string_view octets) override {
    require(open_);
    seen += octets;
  }
  void end_file(const std::vector<std::string>& odd) override {
    require(open_);
    open_ = false;
    for (const std::string& mark : odd) seen += "{" + mark + "}";
  }
  bool is_open() const { return open_; }

  std::string seen;
  unsigned files = 0;

 private:
  bool open_ = false;
};

struct Result {
  std::string text;
  std::string files;
  unsigned count = 0;

  bool operator==(const Result&) const = default;
};

template <typename Stage>
Result run(Stage& stage, const Recorder& recorder, std::string_view input, std::size_t piece) {
  Result result;
  while (!input.empty()) {
    const std::string copy(input.substr(0, piece));
    result.text += stage.feed(copy);
    input.remove_prefix(copy.size());
  }
  result.text += stage.finish();
  require(!recorder.is_open());
  result.files = recorder.seen;
  result.count = recorder.files;
  return result;
}

Result scan(std::string_view input, std::size_t piece, bool drops_separator) {
  Recorder recorder;
  TextFileScanner scanner({"", 10, drops_separator}, recorder);
  return run(scanner, recorder, input, piece);
}

Result read_leaf(std::string_view input, std::size_t piece, bool is_sun) {
  Recorder recorder;
  HeaderFields header;
  header.add({"Encoding", "1 TEXT, 2 TEXT, 3 UUENCODE, TEXT"});
  for (const char* const name : {"a", "b", "c"}) header.add({"X-MS-Attachment", name});
  const std::string type = is_sun ? "X-sun-attachment" : "text/plain; format=flowed";
  TextLeafRules rules;
  rules.joins_flowed = true;
  TextLeaf leaf(parse_content_type(&type), &header, rules, recorder);
  return run(leaf, recorder, input, piece);
}

std::string decode(std::string_view input, std::size_t piece) {
  const auto decoder = make_transfer_decoder(TransferEncoding::file_in_text, "\n");
  std::string out;
  while (!input.empty()) {
    const std::string copy(input.substr(0, piece));
    decoder->feed(copy, out);
    input.remove_prefix(copy.size());
  }
  decoder->finish(out);
  return out + "/" + decoder->found_name() + "/" + std::to_string(decoder->errors());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = std::size_t{data[1]} % 80 + 1;
  switch (data[0] % 5) {
    case 0:
    case 1: {
      const bool drops = data[0] % 5 == 1;
      const Result whole = scan(input, std::string_view::npos, drops);
      require(scan(input, piece, drops) == whole);
      require(whole.text.size() <= input.size());
      if (whole.count == 0) require(whole.text == input);
      require(whole.files.size() <= input.size() * 20 + (std::size_t{11} << 20));
      break;
    }
    case 2:
    case 3: {
      const bool is_sun = data[0] % 5 == 3;
      require(read_leaf(input, std::string_view::npos, is_sun) == read_leaf(input, piece, is_sun));
      break;
    }
    default:
      require(decode(input, std::string_view::npos) == decode(input, piece));
  }
  return 0;
}
