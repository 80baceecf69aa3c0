// The contents of an MMFF file as ordinary files: `smtpconv extract`, `postoffice extract`.
// Not for showing (mmff_show.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "postoffice/byte_stream.h"
#include "postoffice/file_system.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

struct ExtractOptions {
  ReaderOptions reader;
  std::string character_set = "UTF-8";  ///< of a file without a CHARSET field: the postoffice's
  bool short_names = false;             ///< attachments under 8.3 names (short_name.h)
  bool with_headers = true;             ///< headers.txt
  std::vector<std::string> reserved;    ///< further names that no attachment gets
  /// Done to each file when all is written in it, before it is closed; empty: nothing.
  std::function<FileResult<void>(File&)> finish_file;
  FileSystem* files = &FileSystem::posix();
};

struct ExtractedFile {
  std::string path;
  std::uint64_t size = 0;  ///< octets written
};

/// Into `directory` (made if it is not there): the text as message.txt and the rendered header
/// lines on top of it, if there are any, as headers.txt, both in UTF-8 with the file's own line
/// ends; each attachment, unchanged, under its name made safe (safe_file_name.h) and unique.
/// A file of several messages: directories 1, 2, ... instead.
///
/// Files are new or not made at all: nothing is overwritten, no link is followed, and a file that
/// cannot be finished is removed. Only their owner may read them. Constant memory. permanent: the
/// MMFF file is at fault; temporary: `directory` is (a name taken, no rights, disk full). What was
/// finished before stays.
Expected<std::vector<ExtractedFile>> extract(ByteSource& source, const std::string& directory,
                                             const ExtractOptions& options = {});

}  // namespace smtpgate::postoffice
