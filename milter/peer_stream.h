// The other end of a conversation on two descriptors: input by lines or blocks with a time-out,
// output collected and sent when the peer waits for it. What `deliver` and `lookup` talk to Postfix
// through; spawn(8) gives them one socket as descriptors 0, 1 and 2. Not for the milter socket:
// that is libmilter's.
//
// Does not own the descriptors. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::milter {

enum class ReadStatus {
  ok,
  too_long,   ///< a line beyond the limit: it was read to its end and thrown away
  end,        ///< the peer closed; what stood before an incomplete line is thrown away
  timed_out,  ///< nothing came for the whole time-out
  failed,     ///< the socket failed
};

class PeerStream {
 public:
  PeerStream(int input, int output, std::chrono::milliseconds timeout)
      : input_(input), output_(output), timeout_(timeout) {}

  /// The next line without its line end (CRLF or a bare LF), at most `longest` octets. Sends
  /// collected output first if it has to wait.
  ReadStatus read_line(std::string& line, std::size_t longest);

  /// What is in the buffer, reading more if there is nothing. The view stays valid until the next
  /// call; take() says how much of it was used.
  ReadStatus peek(std::string_view& block);
  void take(std::size_t count) { start_ += count; }

  void write(std::string_view data) { pending_ += data; }
  /// All collected output; false if the peer does not take it within the time-out.
  bool flush();

 private:
  ReadStatus fill();

  int input_;
  int output_;
  std::chrono::milliseconds timeout_;
  std::string buffer_;
  std::size_t start_ = 0;  ///< of what was not taken yet
  std::string pending_;
};

}  // namespace smtpgate::milter
