// A postoffice with the mailbox alice, messages with a key, and their delivery: for the tests of
// filing.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice::put_test {

inline const std::string key(64, 'a');
inline const std::string other_key = std::string(63, 'a') + "b";

inline std::string sample_message(std::string_view subject = "test") {
  MessageHeader header;
  header.from = TypedAddress::parse("SMTP:sender@example.test");
  header.to = {TypedAddress::parse("CSI:TESTNET/TESTPO/ALICE")};
  header.subject = subject;
  header.text_size = 10'000;
  return render_header(header, LineEnd::lf) + std::string(10'000, 'x');
}

/// Whole: reads to its end without an error.
inline bool is_whole(const std::string& path) {
  const std::string contents = test::read_file(path);
  MemorySource source(contents);
  Reader reader(source);
  auto header = reader.next();
  if (!header || !*header) return false;
  std::string buffer(4096, '\0');
  for (;;) {
    auto count = reader.read(buffer);
    if (!count) return false;
    if (*count == 0) return true;
  }
}

inline Outcome deliver(const Postoffice& postoffice, const std::vector<std::string>& mailboxes,
                       std::string_view content_key = key,
                       std::int64_t arrival = std::time(nullptr),
                       const std::string& contents = sample_message()) {
  auto delivery = Delivery::begin(postoffice);
  if (!delivery) return delivery.error();
  if (auto done = delivery->message_file().write(contents); !done) return done.error().outcome();
  if (Outcome sealed = delivery->seal(arrival, content_key); !sealed.is_delivered()) return sealed;
  Outcome result = Outcome::delivered("nowhere");
  for (const std::string& mailbox : mailboxes) {
    Outcome filed = delivery->file_into(mailbox);
    if (!filed.is_delivered()) return filed;
    result = filed;
  }
  return result;
}

struct PutFixture : test::PostofficeFixture {
  PutFixture() { add_mailbox("alice"); }

  std::vector<std::string> unread() const { return test::names_in(*this / "MBG/alice/new"); }
  std::vector<std::string> read() const { return test::names_in(*this / "MBG/alice/cur"); }
  std::vector<std::string> markers() const { return test::names_in(*this / "MBG/alice/ids"); }
  std::string host() const { return *this / ("P1/" + test::names_in(*this / "P1").front()); }
};

using Names = std::vector<std::string>;

}  // namespace smtpgate::postoffice::put_test
