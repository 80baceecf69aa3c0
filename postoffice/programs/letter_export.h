// `postoffice letters export`: a dead letter as files for a person or another program to keep
// (docs/dead-letters.md, "Export"). Nothing in the postoffice changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "postoffice/dead_letters.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Into `directory`, which is there: ID.api or ID.eml as it lies there; of an MMFF file each
/// message that can be read as Internet mail too, ID.eml, ID-2.eml ...; ID.txt, what `explain`
/// says; ID.json last. Each appears whole under its name; what is there of an earlier export is
/// replaced.
Outcome export_letter(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now,
                      const std::string& directory);

/// Made in the room above (converter/programs/letter_mail.cpp): each message of the MMFF file
/// `content` as Internet mail, into what `next_file` opens for it. How many; an error after the
/// first ones ends it.
Expected<std::uint64_t> write_as_internet_mail(
    const Postoffice& postoffice, File& content, const DeadLetter& letter,
    const std::string& work_directory,
    const std::function<Outcome(std::uint64_t number, const std::function<Outcome(File&)>& write)>&
        add_file);

}  // namespace smtpgate::postoffice
