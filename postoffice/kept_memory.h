// For programs that handle one message after the other: memory that one gave back serves the next.
// By itself the C library returns it to the kernel each time, which then has to hand it out again
// page by page. Not for programs that end after one task.
#pragma once

namespace smtpgate::postoffice {

/// Once, before there are threads. Keeps at most a mebibyte of free memory on top of each heap of
/// the process.
void keep_freed_memory();

}  // namespace smtpgate::postoffice
