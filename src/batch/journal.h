// What became of a batch's jobs: FOLDER/.sora-gen/journal.jsonl, to which any number of processes append. A line is on
// the disk before the next job begins; a line that a crash has torn is skipped, and what it said is done again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/files.h"
#include "batch/output_stamp.h"

namespace sora {

struct JobRecord {
  enum class State { started, done, failed, refused };
  State state = State::started;
  std::filesystem::path output = {};  ///< UTF-8
  int frames = 0;
  OutputStamp stamp = {};     ///< done
  int exit = 0;               ///< failed, refused
  std::string message = {};   ///< failed, refused
  std::string checker = {};   ///< refused: of refused frames, identity_of(FrameCheck); empty: the prompt was refused
  std::int64_t position = 0;  ///< where in the journal it stands
};

class Journal {
 public:
  /// Makes the folder and the file where they are missing, and reads what is there. Error{output} if that is not
  /// possible, Error{input} for a journal of a newer version.
  explicit Journal(const std::filesystem::path& folder, FileOps ops = {});

  /// Reads what other processes have appended.
  void refresh();
  /// The last that has been read of a job, by its id.
  const JobRecord* find(const std::string& job) const;
  /// Returns when the line is on the disk. Error{output}.
  void append(const std::string& job, const JobRecord& record);
  /// Lines that nobody can read.
  int torn() const { return torn_; }
  /// Bytes that have been read.
  std::int64_t size() const { return read_; }

 private:
  void append_text(const std::string& text);
  void read_line(std::string_view line, std::int64_t position);
  std::string shown() const;

  std::filesystem::path folder_;
  FileOps ops_;
  Descriptor file_;
  std::int64_t read_ = 0;  // bytes
  std::unordered_map<std::string, JobRecord> jobs_;
  int torn_ = 0;
};

}  // namespace sora
