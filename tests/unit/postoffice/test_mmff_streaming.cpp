// MMFF in constant memory: attachments of 2 GiB and more pass, nothing is ever held whole.
#include <algorithm>
#include <cstring>

#include <sys/resource.h>

#include "postoffice/mmff_show.h"
#include "unit/postoffice/mmff_test_support.h"

using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;

namespace {

/// A beginning, so many octets 'x', an end; remembers the largest buffer it was offered.
class GeneratedSource : public ByteSource {
 public:
  GeneratedSource(std::string_view beginning, std::uint64_t size, std::string_view end)
      : beginning_(beginning), rest_(size), end_(end) {}

  FileResult<std::size_t> read(std::span<char> buffer) override {
    largest_ = std::max(largest_, buffer.size());
    if (const auto count = beginning_.read(buffer); *count > 0) return count;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, buffer.size()));
    if (count == 0) return end_.read(buffer);
    rest_ -= count;
    std::memset(buffer.data(), 'x', count);
    return count;
  }
  std::size_t largest() const { return largest_; }

 private:
  MemorySource beginning_;
  std::uint64_t rest_;
  MemorySource end_;
  std::size_t largest_ = 0;
};

class CountingSink : public ByteSink {
 public:
  FileResult<void> write(std::string_view data) override {
    size += data.size();
    largest = std::max(largest, data.size());
    return {};
  }
  std::uint64_t size = 0;
  std::size_t largest = 0;
};

constexpr std::uint64_t two_gib = std::uint64_t{2} << 30;

MessageHeader large_header(std::uint64_t size) {
  MessageHeader header;
  header.from = header.to.emplace_back(TypedAddress::parse("NET/PO/BOX"));
  header.attachments.resize(2);
  header.attachments[0].name = "large";
  header.attachments[0].size = size;
  header.attachments[1].name = "small";
  header.attachments[1].size = 3;
  header.text_size = 4;
  return header;
}

long most_memory() {  // KiB
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("MMFF streaming: an attachment beyond 2 GiB is read and written in constant memory") {
  const auto header = large_header(two_gib + 5);
  const std::string beginning = render_header(header, LineEnd::lf) + "text";
  GeneratedSource source(beginning, two_gib + 5, "end");
  const long memory_before = most_memory();
  Reader reader(source);
  const auto read = reader.next();
  REQUIRE(read);
  CHECK((*read)->attachments[0].size == two_gib + 5);
  CountingSink sink;
  Writer writer(sink, LineEnd::lf);
  REQUIRE(writer.begin(**read));
  std::vector<char> buffer(std::size_t{1} << 20);
  std::vector<std::uint64_t> sizes;
  bool open = true;
  while (open) {
    std::uint64_t& size = sizes.emplace_back(0);
    while (true) {
      const auto count = reader.read(buffer);
      REQUIRE(count);
      if (*count == 0) break;
      if (!writer.write({buffer.data(), *count})) FAIL("written short");
      size += *count;
    }
    const auto more = reader.next_section();
    REQUIRE(more);
    open = *more;
  }
  REQUIRE(writer.end());
  CHECK(sizes == std::vector<std::uint64_t>{4, two_gib + 5, 3});
  CHECK(sink.size == beginning.size() + two_gib + 5 + 3);
  CHECK(sink.largest <= buffer.size());
  CHECK(source.largest() <= buffer.size());
  CHECK(most_memory() - memory_before < 64 * 1024);
}

TEST_CASE("MMFF streaming: contents of 2 GiB are passed over in constant memory") {
  const std::string beginning = render_header(large_header(two_gib), LineEnd::crlf) + "text";
  GeneratedSource source(beginning, two_gib, "end\r\n\r\n");
  Reader reader(source);
  REQUIRE(*reader.next());
  CHECK(!*reader.next());
  CHECK(source.largest() <= std::size_t{1} << 20);
}

TEST_CASE("MMFF streaming: showing takes pieces too") {
  constexpr std::uint64_t size = std::uint64_t{64} << 20;
  const std::string beginning = render_header(large_header(size), LineEnd::lf) + "text";
  GeneratedSource source(beginning, size, "end");
  std::ostringstream out;
  const long memory_before = most_memory();
  CHECK(show_json(source, out) == 1U);
  CHECK(out.str().find("\"size\": 67108864") != std::string::npos);
  CHECK(source.largest() <= std::size_t{1} << 20);
  CHECK(most_memory() - memory_before < 32 * 1024);
}
