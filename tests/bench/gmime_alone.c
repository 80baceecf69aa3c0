/* What a program linked with GMime needs for the same message: parsed from memory, each leaf decoded and
 * written to a file. tests/bench/decoders compiles and runs it, and explains the table. Not part of smtpgate.
 *
 * usage: gmime_alone DIRECTORY ROUNDS FILE; prints for each round the octets of the message, wall-clock
 * seconds and processor seconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void write_leaf(GMimeObject *parent, GMimeObject *part, gpointer directory) {
  (void)parent;
  if (!GMIME_IS_PART(part)) return;
  GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(part));
  if (content == NULL) return;
  int file = open(directory, O_TMPFILE | O_WRONLY, 0600);
  if (file < 0) {
    perror(directory);
    exit(1);
  }
  GMimeStream *stream = g_mime_stream_fs_new(file);
  GMimeStream *buffered = g_mime_stream_buffer_new(stream, GMIME_STREAM_BUFFER_BLOCK_WRITE);
  g_mime_data_wrapper_write_to_stream(content, buffered);
  g_mime_stream_flush(buffered);
  g_object_unref(buffered);
  g_object_unref(stream);
}

int main(int count, char **words) {
  gchar *octets = NULL;
  gsize size = 0;
  if (count != 4 || !g_file_get_contents(words[3], &octets, &size, NULL)) {
    fprintf(stderr, "usage: gmime_alone DIRECTORY ROUNDS FILE\n");
    return 1;
  }
  g_mime_init();
  for (int round = atoi(words[2]); round > 0; --round) {
    double wall = now(CLOCK_MONOTONIC);
    double processor = now(CLOCK_PROCESS_CPUTIME_ID);
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(octets, size);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    g_mime_message_foreach(message, write_leaf, words[1]);
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
    printf("%zu %.6f %.6f\n", size, now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - processor);
  }
  g_free(octets);
  return 0;
}
