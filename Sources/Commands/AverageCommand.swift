import ArgumentParser
import Aviary

struct AverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "average", abstract: "Average the weights of several checkpoints of the same network.",
    discussion: """
      All checkpoints must have the same tensors with the same shapes and types. Floating-point tensors are averaged in \
      double precision and keep their type; integer tensors, such as batch counters, and the metadata except for the \
      metrics are taken from the first checkpoint.
      """)

  @Argument(help: ArgumentHelp("The checkpoints, at least two.", valueName: "file")) var files: [String]
  @Option(help: ArgumentHelp("The file to write; its extension decides the format.", valueName: "file"))
  var output: String
  @Flag(inversion: .prefixedNo, help: "Verify the files' checksums.") var verify = true
  @Flag(help: "Follow external links and virtual datasets of HDF5 files to files in their folders or below.")
  var follow = false
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard files.count >= 2 else { throw ValidationError("give at least two checkpoints to average") }
  }

  func run() throws {
    try ConvertCommand.check(output: output)
    let checkpoints = try files.map { file in
      let path = try weights.path(of: file)
      return (path, try Checkpoint.read(from: path, options: .init(verify: verify, follow: follow)))
    }
    var result = try Checkpoint.average(checkpoints.map { (file: $0.0, checkpoint: $0.1) })
    if result.entries.isEmpty { throw CheckpointFault.noTensors(path: files[0]) }
    for tensor in result.nonfinite { tell("note: \(tensor) is not finite") }
    if ConvertCommand.needsDots(output) { result = try result.dotted() }
    try overwrite.check(output, for: .checkpoint(result.paths))
    try result.write(to: output)
    let kept = result.entries.filter { !$0.array.dtype.isFloatingPoint }.count
    if json {
      let object = JSONValue.members([
        "output": .text(output), "averaged": .integer(result.entries.count - kept), "copied": .integer(kept),
        "checkpoints": .texts(files),
      ])
      return print(object.serialized)
    }
    show("\(counted(result.entries.count - kept, "tensor")) averaged over \(counted(files.count, "checkpoint"))")
    if kept > 0 { show("\(counted(kept, "tensor")) of integers copied from \(files[0])") }
    show("\(output): written")
  }
}
