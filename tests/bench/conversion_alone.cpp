// How fast conversion alone is: a message from memory, in pieces as Postfix sends them, through
// RawMessage and convert_inbound() into TO_NC.API, as the daemon does it. The start of a process,
// SMTP_IN.ENV, API_OUT.TMP and syncing are not in it. tests/bench/conversion and
// tests/bench/decoders run this program and explain their tables; not a test, since a clock decides
// no test.
//
// usage: conversion_alone DIRECTORY ROUNDS OCTETS|FILE: a message with one base64 attachment of so
// many octets, or the one in FILE. Prints for each round the octets of the message, wall-clock
// seconds and processor seconds, then the peak resident memory in KiB.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include <sys/resource.h>

#include "converter/inbound.h"
#include "postoffice/file_system.h"
#include "postoffice/kept_memory.h"

namespace {

using namespace smtpgate;

[[noreturn]] void stop(const std::string& sentence) {
  std::fprintf(stderr, "conversion_alone: %s\n", sentence.c_str());
  std::exit(1);
}

constexpr std::size_t piece = 65'535;  // the milter protocol's

void feed_piece(converter::RawMessage& raw, std::string_view octets) {
  if (auto fed = raw.feed(octets); !fed) stop(fed.error().sentence());
}

class Message {
 public:
  virtual ~Message() = default;
  virtual std::size_t size() const = 0;
  virtual void feed(converter::RawMessage& raw) const = 0;
};

class MessageInFile : public Message {
 public:
  explicit MessageInFile(const char* path) {
    std::ifstream file(path, std::ios::binary);
    octets_.assign(std::istreambuf_iterator<char>(file), {});
    if (!file || octets_.empty()) stop(std::string(path) + ": cannot be read, or is empty");
  }
  std::size_t size() const override { return octets_.size(); }
  void feed(converter::RawMessage& raw) const override {
    for (std::string_view rest = octets_; !rest.empty();
         rest.remove_prefix(std::min(piece, rest.size()))) {
      feed_piece(raw, rest.substr(0, piece));
    }
  }

 private:
  std::string octets_;
};

/// One base64 attachment; never held whole.
class MadeMessage : public Message {
 public:
  explicit MadeMessage(std::size_t size) {
    std::string line;
    for (std::size_t i = 0; i < 76; ++i) {
      line += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(i * 37) % 64];
    }
    line += "\r\n";
    while (block_.size() + line.size() <= piece) block_ += line;
    blocks_ = size / block_.size();
  }
  std::size_t size() const override { return start.size() + blocks_ * block_.size() + end.size(); }

  void feed(converter::RawMessage& raw) const override {
    feed_piece(raw, start);
    for (std::size_t i = 0; i < blocks_; ++i) feed_piece(raw, block_);
    feed_piece(raw, end);
  }

 private:
  static constexpr std::string_view start =
      "From: bob@example.com\r\nTo: alice@example.net\r\nSubject: large\r\n"
      "Message-ID: <large@example.com>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/mixed; boundary=\"=_large\"\r\n\r\n"
      "--=_large\r\nContent-Type: text/plain\r\n\r\nOne attachment.\r\n"
      "--=_large\r\nContent-Type: application/octet-stream; name=large.bin\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n";
  static constexpr std::string_view end = "--=_large--\r\n";

  std::string block_;
  std::size_t blocks_ = 0;
};

void convert(const Message& message, const std::string& directory,
             const converter::InboundSettings& settings,
             const std::shared_ptr<converter::SpoolMemory>& memory) {
  const converter::SpoolPlace place =
      converter::with_shared_memory({&postoffice::FileSystem::posix(), directory}, memory);
  converter::Envelope envelope;
  envelope.sender = "bob@example.com";
  converter::TargetFormat target;
  target.name = {"NET", "PO"};
  converter::RawMessage raw(place);
  message.feed(raw);
  auto converted = converter::convert_inbound(raw, envelope, {}, target, settings, place);
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
  if (argc != 4) stop("usage: conversion_alone DIRECTORY ROUNDS OCTETS|FILE");
  char* rest = nullptr;
  const std::size_t octets = std::strtoull(argv[3], &rest, 10);
  std::unique_ptr<Message> made;
  if (*rest == '\0') {
    made = std::make_unique<MadeMessage>(octets);
  } else {
    made = std::make_unique<MessageInFile>(argv[3]);
  }
  const Message& message = *made;
  // As the daemon: once.
  postoffice::keep_freed_memory();
  const auto memory = std::make_shared<converter::SpoolMemory>(std::size_t{16} << 20);
  const converter::InboundSettings settings;
  for (long round = std::strtol(argv[2], nullptr, 10); round > 0; --round) {
    const auto began = std::chrono::steady_clock::now();
    const double processor = processor_seconds();
    convert(message, argv[1], settings, memory);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    std::printf("%zu %.6f %.6f\n", message.size(), seconds.count(),
                processor_seconds() - processor);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%ld\n", usage.ru_maxrss);
  return 0;
}
