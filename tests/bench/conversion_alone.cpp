// How fast conversion alone is: a message with one base64 attachment from memory, in pieces as
// Postfix sends them, through RawMessage and convert_inbound() into TO_NC.API, as the daemon does
// it. The start of a process, SMTP_IN.ENV, API_OUT.TMP and syncing are not in it.
// tests/bench/conversion runs this program and explains its table; not a test, since a clock
// decides no test.
//
// usage: conversion_alone DIRECTORY ROUNDS OCTETS; prints for each round the octets of the message,
// wall-clock seconds and processor seconds, then the peak resident memory in KiB.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include <sys/resource.h>

#include "converter/inbound.h"
#include "postoffice/file_system.h"

namespace {

using namespace smtpgate;

[[noreturn]] void stop(const std::string& sentence) {
  std::fprintf(stderr, "conversion_alone: %s\n", sentence.c_str());
  std::exit(1);
}

/// The message, without ever holding it whole.
class Message {
 public:
  explicit Message(std::size_t size) {
    std::string line;
    for (std::size_t i = 0; i < 76; ++i) {
      line += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(i * 37) % 64];
    }
    line += "\r\n";
    while (block_.size() + line.size() <= piece) block_ += line;
    blocks_ = size / block_.size();
  }
  std::size_t size() const { return start.size() + blocks_ * block_.size() + end.size(); }

  void feed(converter::RawMessage& raw) const {
    feed_piece(raw, start);
    for (std::size_t i = 0; i < blocks_; ++i) feed_piece(raw, block_);
    feed_piece(raw, end);
  }

 private:
  static constexpr std::size_t piece = 65'535;  // the milter protocol's
  static constexpr std::string_view start =
      "From: bob@example.com\r\nTo: alice@example.net\r\nSubject: large\r\n"
      "Message-ID: <large@example.com>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/mixed; boundary=\"=_large\"\r\n\r\n"
      "--=_large\r\nContent-Type: text/plain\r\n\r\nOne attachment.\r\n"
      "--=_large\r\nContent-Type: application/octet-stream; name=large.bin\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n";
  static constexpr std::string_view end = "--=_large--\r\n";

  static void feed_piece(converter::RawMessage& raw, std::string_view octets) {
    if (auto fed = raw.feed(octets); !fed) stop(fed.error().sentence());
  }

  std::string block_;
  std::size_t blocks_ = 0;
};

void convert(const Message& message, const std::string& directory) {
  const converter::SpoolPlace place{&postoffice::FileSystem::posix(), directory};
  converter::Envelope envelope;
  envelope.sender = "bob@example.com";
  converter::TargetFormat target;
  target.name = {"NET", "PO"};
  converter::RawMessage raw(place);
  message.feed(raw);
  auto converted = converter::convert_inbound(raw, envelope, {}, target, {}, place);
  if (!converted) stop(converted.error().sentence());
  auto file = postoffice::FileSystem::posix().create_unnamed(directory);
  if (!file) stop(file.error().sentence());
  if (auto written = converted->write_to(raw, **file, postoffice::LineEnd::lf); !written) {
    stop(written.error().sentence());
  }
  if (auto closed = (*file)->close(); !closed) stop(closed.error().sentence());
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) stop("usage: conversion_alone DIRECTORY ROUNDS OCTETS");
  const Message message(std::strtoull(argv[3], nullptr, 10));
  for (long round = std::strtol(argv[2], nullptr, 10); round > 0; --round) {
    const auto began = std::chrono::steady_clock::now();
    const double processor = processor_seconds();
    convert(message, argv[1]);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    std::printf("%zu %.6f %.6f\n", message.size(), seconds.count(),
                processor_seconds() - processor);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%ld\n", usage.ru_maxrss);
  return 0;
}
