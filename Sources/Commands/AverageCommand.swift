import ArgumentParser
import Aviary

struct AverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "average", abstract: "Average the weights of checkpoints of one network.",
    discussion: """
      Every checkpoint needs the same tensors with the same shapes and types. Floating-point numbers are averaged in \
      double precision and keep their type; integers, such as counters of batches, are the first checkpoint's, and so is \
      what it says about the model, but for its metrics.
      """)

  @Argument(help: ArgumentHelp("The checkpoints, two at least.", valueName: "file")) var files: [String]
  @Option(help: ArgumentHelp("The file to write; its extension decides the format.", valueName: "file"))
  var output: String
  @Flag(inversion: .prefixedNo, help: "Compare every checksum that the files have.") var verify = true

  func validate() throws {
    guard files.count >= 2 else { throw ValidationError("An average needs two checkpoints at least.") }
  }

  func run() throws {
    try ConvertCommand.check(output: output)
    let checkpoints = try files.map { ($0, try Checkpoint.read(from: $0, options: .init(verify: verify))) }
    var result = try Checkpoint.average(checkpoints.map { (file: $0.0, checkpoint: $0.1) })
    if result.entries.isEmpty { throw CheckpointFault.noTensors(path: files[0]) }
    if ConvertCommand.needsDots(output) { result = try result.dotted() }
    try result.write(to: output)
    let kept = result.entries.filter { !$0.array.dtype.isFloatingPoint }.count
    show("\(counted(result.entries.count - kept, "tensor")) averaged over \(counted(files.count, "checkpoint"))")
    if kept > 0 { show("\(counted(kept, "tensor")) of integers taken from \(files[0])") }
    show("\(output): written")
  }
}
