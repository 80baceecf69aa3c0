# Run by cpack: what a Debian package has in its document folder beside our own documents.
set(folder "$ENV{DESTDIR}/usr/share/doc/smtpgate")
file(COPY "${CMAKE_CURRENT_LIST_DIR}/copyright" DESTINATION "${folder}"
     FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
configure_file("${CMAKE_CURRENT_LIST_DIR}/changelog.in" "${folder}/changelog.Debian" @ONLY)
execute_process(COMMAND gzip -9nf "${folder}/changelog.Debian" COMMAND_ERROR_IS_FATAL ANY)
