// Reads a bag's file with the C++ library and the calls of rosbag2_storage_mcap (Jazzy, Rolling): summary,
// then log time order where the file has message indexes, else file order, as its SequentialReader falls back.
//
//   git clone https://github.com/foxglove/mcap
//   g++ -std=c++17 -I mcap/cpp/mcap/include scripts/read_as_rosbag2.cpp -o read_as_rosbag2
//   ./read_as_rosbag2 my_bag/my_bag_0.mcap
#define MCAP_IMPLEMENTATION
#define MCAP_COMPRESSION_NO_LZ4
#define MCAP_COMPRESSION_NO_ZSTD
#include <iostream>
#include <map>
#include <mcap/reader.hpp>

int main(int argc, char ** argv)
{
  mcap::McapReader reader;
  auto status = argc == 2 ? reader.open(argv[1]) : mcap::Status(mcap::StatusCode::OpenFailed, "name one file");
  if (status.ok()) {
    status = reader.readSummary(mcap::ReadSummaryMethod::NoFallbackScan);
    std::cout << "summary: " << (status.ok() ? "there" : "not there, scanned instead") << "\n";
    status = reader.readSummary(mcap::ReadSummaryMethod::AllowFallbackScan);
  }
  if (!status.ok()) {
    std::cerr << status.message << "\n";
    return 1;
  }
  mcap::ReadMessageOptions options;
  bool indexed = false;
  for (const auto & chunk : reader.chunkIndexes()) {
    indexed |= chunk.messageIndexLength > 0;
  }
  using Order = mcap::ReadMessageOptions::ReadOrder;
  options.readOrder = indexed ? Order::LogTimeOrder : Order::FileOrder;
  auto complain = [](const mcap::Status & problem) {std::cout << "problem: " << problem.message << "\n";};
  std::map<std::string, size_t> counts;
  size_t total = 0, back = 0;
  mcap::Timestamp last = 0;
  for (const auto & view : reader.readMessages(complain, options)) {
    counts[view.channel->topic + " [" + view.schema->name + ", " + view.schema->encoding + ", " +
      view.channel->messageEncoding + "]"]++;
    back += view.message.logTime < last;
    last = view.message.logTime;
    ++total;
  }
  std::cout << total << " messages in " << (indexed ? "log time" : "file") << " order, " << back
            << " of them earlier than the one before\n";
  for (const auto & [name, count] : counts) {
    std::cout << "  " << name << ": " << count << "\n";
  }
  return 0;
}
