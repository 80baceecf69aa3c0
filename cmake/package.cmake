# The Debian package: "cpack -G DEB --config BUILD/CPackConfig.cmake". What lies in it is what
# install.cmake puts below /usr; its maintainer scripts are in cmake/debian/. Why CPack, and what
# it depends on: docs/dependencies.md, "The package".
set(SMTPGATE_PACKAGE_MAINTAINER "smtpgate maintainers <postmaster@localhost.localdomain>" CACHE STRING
    "Who is named in a package that you build: \"Name <address>\"")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT ${SMTPGATE_PACKAGE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "gateway between Internet mail and a postoffice that is a folder")
set(CPACK_PACKAGE_DESCRIPTION
"Takes mail for postoffice recipients out of Postfix, as a milter and as an
LMTP transport, decodes it (MIME, character sets, attachments) and files it,
synced to disk, in mailbags: directories that programs, scripts and people
read. A file dropped in an outbox goes the other way, through Postfix.
.
It is installed unconnected: smtpgate-setup shows what it would change in
Postfix's settings, changes it, and takes it out again.")
# Files below /etc and /usr in one go.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)

set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# Libraries by dpkg-shlibdeps. The small packages come first: they are for machines without systemd.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "postfix (>= 3.4), init-system-helpers (>= 1.52), systemd-standalone-sysusers | systemd, systemd-standalone-tmpfiles | systemd")
# Loaded when it is wanted (milter/http_listener.h), so dpkg-shlibdeps does not see it; the next Debian calls it otherwise.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libmicrohttpd12 | libmicrohttpd12t64")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "logrotate, bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/cmake/debian/conffiles
    ${PROJECT_SOURCE_DIR}/cmake/debian/postinst
    ${PROJECT_SOURCE_DIR}/cmake/debian/prerm
    ${PROJECT_SOURCE_DIR}/cmake/debian/postrm)
# Version and release as they are when cpack runs.
set(CPACK_INSTALL_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian/documents.cmake)
include(CPack)
