// The walk over a file that was taken from an outbox: copied, each message of it judged and served,
// and what is at fault put back with a report (docs/outgoing.md, "The outbox", 4 to 9). Internal to
// this room; outbox.cpp finds the files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "postoffice/outbox.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Whatever became of it was told, and is in `result`. With `waits`, more of a file that is still
/// being written is waited for, as long as options.expire allows.
void walk_taken_file(const Postoffice& postoffice, TakenFile& taken, const OutboxOptions& options,
                     bool waits, const std::function<void(const OutboxNote&)>& tell,
                     OutboxResult& result);

/// The report about a file, or a part of one, that is set aside as `bad_name`. `id` is the same for
/// the same one.
Outcome report_set_aside(const Postoffice& postoffice, const std::string& mailbox,
                         const std::string& file, const std::string& bad_name,
                         const std::string& error, const std::string& id);

/// Seconds since 1970.
std::int64_t now_of(const OutboxOptions& options);

/// The earliest time counts.
void look_again_at(OutboxResult& result, std::int64_t time);

}  // namespace smtpgate::postoffice
