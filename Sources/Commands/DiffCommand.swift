import ArgumentParser
import Aviary

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare the tensors of two checkpoints.",
    discussion: "Exit code 0 where they are the same, 1 where they differ, 2 where that cannot be told.")

  @Argument(help: "A checkpoint.") var first: String
  @Argument(help: "Another one.") var second: String
  @Flag(inversion: .prefixedNo, help: "Compare every checksum that the files have.") var verify = true

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
