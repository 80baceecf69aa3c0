// What the assembler keeps of each entity that is open: for its own two files
// (inbound_assembler.cpp, inbound_leaf.cpp) and nobody else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "converter/inbound_assembler.h"
#include "converter/late_tnef.h"

namespace smtpgate::converter {

struct InboundAssembler::Multipart {
  std::string subtype;
  std::string start;
  bool in_body = false;
  bool has_parts = false;
  bool is_root = false;
  bool has_plain_text = false;       ///< alternative: a child with plain text is complete
  bool has_text_in_child = false;    ///< the child being read has plain text that says something
  std::string real_name;             ///< appledouble: what the header part says
  std::unique_ptr<Spool> html_text;  ///< alternative: rendered HTML, used if no plain text comes
  std::unique_ptr<Spool> before;     ///< octets before the first part
  std::unique_ptr<Spool> after;      ///< octets after the last
};

struct InboundAssembler::Leaf {
  LeafUse use = LeafUse::attachment;
  std::unique_ptr<TransferDecoder> decoder;
  std::unique_ptr<LateTnef> late_tnef;   ///< text, or a part whose encoding names the file
  std::unique_ptr<TnefInText> files;     ///< text: what its files go through
  std::unique_ptr<TextLeaf> text;        ///< text: what it goes through before its segment
  std::unique_ptr<TextSegment> segment;  ///< text and rendered HTML
  Spool* rendered_into = nullptr;        ///< where the segment goes
  bool is_attachment = false;
  bool is_of_report = false;   ///< the ReportReader wants its octets
  std::size_t attachment = 0;  ///< which in the list
  bool has_name = false;
  std::size_t reserved = 0;                  ///< its place in the contents
  std::unique_ptr<LeafExpansion> expansion;  ///< of a container
  EncodedRange range;                        ///< of the body, so far
  TransferEncoding labelled_encoding = TransferEncoding::seven_bit;
  std::uint64_t decoded_size = 0;
  bool unknown_encoding = false;
  std::string charset;
};

struct InboundAssembler::OpenEntity {
  std::optional<Multipart> multipart;
  std::optional<Leaf> leaf;
};

}  // namespace smtpgate::converter
