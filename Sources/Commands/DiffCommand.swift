import ArgumentParser
import Aviary

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare the tensors of two checkpoints.",
    discussion: "Exit codes: 0 same, 1 different, 2 cannot be compared.")

  @Argument(help: "The first checkpoint.") var first: String
  @Argument(help: "The second checkpoint.") var second: String
  @Flag(inversion: .prefixedNo, help: "Verify the files' checksums.") var verify = true

  func run() throws {
    let difference: CheckpointDifference
    let sameTypes: Bool
    do {
      let options = Checkpoint.ReadOptions(verify: verify)
      let a = try Checkpoint.read(from: first, options: options)
      let b = try Checkpoint.read(from: second, options: options)
      difference = CheckpointDifference(a, b)
      sameTypes = difference.incomparable.allSatisfy { a[$0]?.dtype == b[$0]?.dtype }
    } catch {
      complain(error)
      throw ExitCode(2)
    }
    for line in lines(difference) { show(line) }
    if difference.isEmpty { return }
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

  private func lines(_ difference: CheckpointDifference) -> [String] {
    if difference.isEmpty { return ["no difference"] }
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
