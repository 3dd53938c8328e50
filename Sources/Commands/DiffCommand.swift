import ArgumentParser
import Aviary

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare the tensors of two checkpoints.",
    discussion: "Exit codes: 0 same, 1 different, 2 cannot be compared.")

  @Argument(help: "The first checkpoint.") var first: String
  @Argument(help: "The second checkpoint.") var second: String
  @Flag(inversion: .prefixedNo, help: "Verify the files' checksums.") var verify = true
  @Flag(help: "Follow external links and virtual datasets of HDF5 files to files in their folders or below.")
  var follow = false
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let difference: CheckpointDifference
    let sameTypes: Bool
    var partial: [CommandFault] = []
    do {
      let options = Checkpoint.ReadOptions(verify: verify, follow: follow, unpacking: .now(keeping: 256 << 20))
      let a = try Checkpoint.read(from: weights.path(of: first), options: options)
      let b = try Checkpoint.read(from: weights.path(of: second), options: options)
      for (path, checkpoint) in [(first, a), (second, b)] {
        do { try requireWhole(checkpoint, path) } catch { partial.append(error) }
      }
      difference = CheckpointDifference(a, b)
      sameTypes = difference.incomparable.allSatisfy { a[$0]?.dtype == b[$0]?.dtype }
    } catch {
      complain(error)
      throw ExitCode(2)
    }
    let isSame = difference.isEmpty && partial.isEmpty
    if json { printJSON(object(difference, isSame)) } else { lines(difference, isSame).forEach(show) }
    for fault in partial { complain(fault) }
    if isSame { return }
    // What was not read may differ.
    if difference.isEmpty { throw ExitCode(2) }
    let onlyIncomparable =
      difference.onlyInFirst.isEmpty && difference.onlyInSecond.isEmpty && difference.otherShape.isEmpty
      && difference.otherValues.isEmpty && difference.otherSettings.isEmpty
    if onlyIncomparable, !sameTypes {
      complain(
        "tensors of different types cannot be compared as numbers: \(difference.incomparable.joined(separator: ", "))")
      throw ExitCode(2)
    }
    throw ExitCode(1)
  }

  private func object(_ difference: CheckpointDifference, _ isSame: Bool) -> JSONValue {
    .members([
      "same": .boolean(isSame), "only_in_first": .texts(difference.onlyInFirst),
      "only_in_second": .texts(difference.onlyInSecond),
      "other_shape": .array(
        difference.otherShape.map {
          .members([
            "path": .text($0.path), "first": .array($0.first.map { .integer($0) }),
            "second": .array($0.second.map { .integer($0) }),
          ])
        }),
      "other_values": .array(
        difference.otherValues.map { .members(["path": .text($0.path), "largest": .real(Double($0.largest))]) }),
      "other_bytes": .texts(difference.incomparable), "other_settings": .texts(difference.otherSettings),
    ])
  }

  private func lines(_ difference: CheckpointDifference, _ isSame: Bool) -> [String] {
    if difference.isEmpty { return [isSame ? "no difference" : "no difference in what could be read"] }
    var lines = difference.onlyInFirst.map { "only in \(first): \($0)" }
    lines += difference.onlyInSecond.map { "only in \(second): \($0)" }
    lines += difference.otherShape.map { "other shape: \($0.path): \($0.first) and \($0.second)" }
    lines += difference.otherValues.map { "other values: \($0.path): largest absolute difference \($0.largest)" }
    lines += difference.incomparable.map { "other bytes: \($0)" }
    lines += difference.otherSettings.map { "other setting: \($0)" }
    if !difference.otherValues.isEmpty {
      lines.append(
        "largest absolute difference: \(difference.largest) in \(counted(difference.otherValues.count, "tensor"))")
    }
    return lines
  }
}
