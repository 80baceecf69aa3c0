// Real and shadow folders: see the header.
#include "milter/shadow.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "postoffice/groups.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

using postoffice::FileSystem;
using postoffice::Postoffice;

namespace {

/// True if `inner` is `outer`, or lies somewhere below it: by device and inode.
bool is_in(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::weakly_canonical(inner, error);
  if (error) return false;
  for (;;) {
    if (std::filesystem::equivalent(at, outer, error) && !error) return true;
    if (!at.has_relative_path()) return false;
    at = at.parent_path();
  }
}

class ShadowPreparation {
 public:
  ShadowPreparation(const converter::ServedPostoffice& served, std::string real, Prepared& result)
      : served_(served), real_path_(std::move(real)), result_(result) {}

  void run() {
    const auto real = Postoffice::open(real_path_);
    const auto settings = FileSystem::posix().status(real_path_ + "/GLB/postoffice.toml");
    const bool is_none =
        !settings && (settings.error().code == ENOENT || settings.error().code == ENOTDIR);
    // Its settings would be missing in the shadow, for good.
    if (!real && !is_none) return failed(real.error());
    if (!make_folder(real)) return;
    const auto shadow = Postoffice::open(served_.directory);
    if (!shadow) return failed(shadow.error());
    if (!real) {
      result_.done.push_back(
          fmt::format("{}: {} is no postoffice yet, so there is nothing to copy: "
                      "postoffice -d {} mailbox add NAME",
                      served_.name.str(), real_path_, served_.directory));
      return;
    }
    copy(*real, *shadow);
    result_.done.push_back(
        fmt::format("{}: {} mailboxes, {} aliases and {} groups were missing "
                    "in {} and are there now",
                    served_.name.str(), mailboxes_, aliases_, groups_, served_.directory));
  }

 private:
  void failed(const Outcome& outcome) {
    result_.failed.push_back(served_.name.str() + ": " + outcome.sentence());
  }
  void note(const Outcome& outcome, unsigned& count) {
    if (outcome.is_delivered()) {
      ++count;
    } else {
      failed(outcome);
    }
  }

  /// The folder with its mark; never a mark for a postoffice that is there already.
  bool make_folder(const Expected<Postoffice>& real) {
    FileSystem& files = FileSystem::posix();
    const std::string mark = served_.directory + std::string(shadow_mark);
    if (files.status(mark)) return true;
    if (Postoffice::open(served_.directory)) {
      result_.failed.push_back(
          fmt::format("{}: {} is a postoffice without the mark of a shadow; "
                      "name another folder, or, if it is one that nobody "
                      "uses: touch {}",
                      served_.name.str(), served_.directory, mark));
      return false;
    }
    postoffice::PostofficeSettings settings;
    if (real) settings = real->settings();
    settings.name = served_.name;
    const Outcome made = Postoffice::init(served_.directory, settings);
    if (!made.is_delivered()) {
      failed(made);
      return false;
    }
    if (const auto marked = files.create(mark, 0644); !marked) {
      failed(marked.error().outcome());
      return false;
    }
    result_.done.push_back(fmt::format("{}: made {}", served_.name.str(), served_.directory));
    return true;
  }

  void copy(const Postoffice& real, const Postoffice& shadow) {
    const auto mailboxes = real.list_mailboxes();
    const auto known = shadow.list_aliases();
    const auto aliases = real.list_aliases();
    const auto groups = postoffice::list_groups(real);
    if (!mailboxes) return failed(mailboxes.error());
    if (!known) return failed(known.error());
    if (!aliases) return failed(aliases.error());
    if (!groups) return failed(groups.error());
    for (const std::string& name : *mailboxes) {
      if (!FileSystem::posix().status(shadow.mailbag_directory(name))) {
        note(shadow.add_mailbox(name), mailboxes_);
      }
      const auto settings = postoffice::read_mailbox_settings(real, name);
      if (!settings) {
        failed(settings.error());
      } else if (const Outcome written =
                     postoffice::write_mailbox_settings(shadow, name, without_hook(*settings));
                 !written.is_delivered()) {
        failed(written);
      }
    }
    for (const Postoffice::Alias& alias : *aliases) {
      bool is_known = false;
      for (const Postoffice::Alias& one : *known) is_known = is_known || one.name == alias.name;
      if (!is_known) note(shadow.add_alias(alias.name, alias.mailbox), aliases_);
    }
    for (const std::string& name : *groups) {
      if (postoffice::read_group(shadow, name)) continue;
      const auto group = postoffice::read_group(real, name);
      if (group) {
        note(postoffice::write_group(shadow, *group), groups_);
      } else {
        failed(group.error());
      }
    }
  }

  /// A command that takes orders must not take them twice.
  static postoffice::MailboxSettings without_hook(postoffice::MailboxSettings settings) {
    settings.hook.clear();
    return settings;
  }

  const converter::ServedPostoffice& served_;
  std::string real_path_;
  Prepared& result_;
  unsigned mailboxes_ = 0;
  unsigned aliases_ = 0;
  unsigned groups_ = 0;
};

}  // namespace

std::optional<Outcome> why_wrong_kind(const Configuration& configuration,
                                      const converter::ServedPostoffice& served,
                                      FileSystem& files) {
  const auto mark = files.status(served.directory + std::string(shadow_mark));
  if (!mark && mark.error().code != ENOENT && mark.error().code != ENOTDIR) {
    return mark.error().outcome();
  }
  if (mark.has_value() == configuration.shadow.enabled) return std::nullopt;
  return Outcome::temporary(
      mark ? served.directory +
                 " is a shadow (GLB/SHADOW), and [shadow] is not enabled; name the "
                 "real postoffice, or remove that file to make it one"
           : served.directory +
                 " is no shadow (it has no GLB/SHADOW), and [shadow] is enabled; "
                 "smtpgate shadow --prepare makes one",
      "4.3.5");
}

std::vector<std::string> shadows_that_are_real(const Configuration& configuration) {
  std::vector<std::string> result;
  if (!configuration.shadow.enabled) return result;
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    for (const std::string& real : configuration.shadow.real_directories) {
      if (!is_in(served.directory, real) && !is_in(real, served.directory)) continue;
      result.push_back(
          fmt::format("the shadow {} and the postoffice {} are one folder, or one is "
                      "in the other",
                      served.directory, real));
    }
  }
  return result;
}

Prepared prepare_shadows(const Configuration& configuration) {
  Prepared result;
  if (!configuration.shadow.enabled) {
    result.failed.push_back(configuration.path + ": [shadow] is not enabled");
    return result;
  }
  result.failed = shadows_that_are_real(configuration);
  if (!result.failed.empty()) return result;
  for (std::size_t i = 0; i < configuration.converter.postoffices.size(); ++i) {
    ShadowPreparation(configuration.converter.postoffices[i],
                      configuration.shadow.real_directories[i], result)
        .run();
  }
  return result;
}

}  // namespace smtpgate::milter
