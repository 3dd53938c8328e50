import ArgumentParser
import Aviary

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Convert a checkpoint to the format of the output's extension.",
    discussion: """
      Reads PyTorch (.pth .pt .th), Keras (.h5 .hdf5 .keras), safetensors, NumPy (.npz .npy) and Aviary files, and the \
      index (.index.json) of sharded PyTorch and safetensors files; writes .h5, .safetensors, .pth, .npz, which keeps \
      the tensors only, and .onnx, which holds the network itself for other runtimes. With --architecture, tensors get that network's names and layouts, and whatever does not fit is \
      an error unless it is allowed; so is a tensor that cannot be read, with or without a network. Without --architecture, a sequential Keras model is built from its file, and can be written as \
      .weights.h5 for Keras; other tensors are kept as they are.
      """)

  @Argument(help: "The checkpoint to read.") var input: String
  @Argument(help: "The file to write: .h5, .safetensors, .pth, .npz or .onnx, or .weights.h5 for Keras.") var output:
    String
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions
  @Option(help: ArgumentHelp("The type to store floating-point tensors in.", valueName: "type"))
  var dtype: StoredType?
  @Flag(help: "Store numbers that --dtype cannot hold as infinities instead of stopping.") var allowOverflow = false
  @Flag(help: "Keep names and layouts, even if the file describes a Keras model.") var keepNames = false
  @Flag(help: "Print one JSON object: the tensors that were loaded, converted, or do not fit.") var json = false
  @OptionGroup var onnx: ONNXArguments
  @OptionGroup var console: ConsoleOptions

  /// A type that floating-point tensors are stored in.
  enum StoredType: String, CaseIterable, ExpressibleByArgument {
    case f32, f16, bf16

    var dtype: Dtype {
      switch self {
      case .f32: .float32
      case .f16: .float16
      case .bf16: .bfloat16
      }
    }
  }

  func validate() throws {
    if allowOverflow, dtype == nil { throw ValidationError("--allow-overflow needs --dtype") }
    if keepNames, source.naming.architecture != nil {
      throw ValidationError("--keep-names keeps the file's own names, and --architecture gives a network's; give one")
    }
    try onnx.validate(output: output, self)
  }

  func run() throws {
    #if ONNX
      if ONNXArguments.isONNX(output) { return try onnx.convert(self) }
    #endif
    try Self.check(output: output)
    let input = try weights.path(of: input)
    let (read, report): (Checkpoint, LoadReport?)
    do {
      (read, report) = try source.read(input, keepingNames: keepNames, whole: true)
    } catch let CheckpointFault.mismatch(path, report) {
      if json { printJSON(ConversionReport(input: input, output: nil, checkpoint: nil, report: report).object) }
      throw CheckpointFault.mismatch(path: path, report: report)
    }
    var result = read
    let hadTraining = result.trainingState != nil
    result.trainingState = nil
    if report == nil, Self.needsDots(output) {
      if result.paths.contains(where: { $0.contains("/") }) {
        result.notes.append("slashes in names were replaced by dots")
      }
      result = try result.dotted()
    }
    if let dtype {
      let overflows = result.overflows(castTo: dtype.dtype)
      if !allowOverflow, !overflows.isEmpty {
        throw CommandFault.overflow(path: input, dtype: dtype.rawValue, tensors: overflows)
      }
      result.notes += overflows.map { "\($0.path): \($0.count) of its numbers became infinite" }
      result = result.cast(to: dtype.dtype)
    }
    if result.entries.isEmpty { throw CheckpointFault.noTensors(path: input) }
    result.notes += result.nonfinite.map { "\($0) is not finite" }
    if !Self.keepsIntegers(output), !result.quantizedPaths.isEmpty {
      result.notes.append("\(counted(result.quantizedPaths.count, "tensor")) dequantized")
      result = result.dequantized()
    }
    if !Self.keepsMetadata(output), let lost = result.metadata.lostThresholds(output) { result.notes.append(lost) }
    try overwrite.check(output, for: .checkpoint(result.paths))
    if output.lowercased().hasSuffix(".weights.h5") {
      try result.writeKerasWeights(to: output)
    } else {
      try result.write(to: output)
    }
    if json {
      printJSON(ConversionReport(input: input, output: output, checkpoint: result, report: report).object)
    } else {
      describe(input, result, report, hadTraining: hadTraining)
    }
  }

  private func describe(_ input: String, _ result: Checkpoint, _ report: LoadReport?, hadTraining: Bool) {
    show("\(input): \(result.format.rawValue), \(counted(result.entries.count, "tensor"))")
    if let report, let name = result.metadata.architecture {
      show("\(name): \(report.loaded.count) tensors loaded")
      if result.metadata.headAbsent {
        show("the classifier head is absent: use the file with finetune and features, not with predict")
      }
      if !report.missingCounters.isEmpty { show("\(counted(report.missingCounters.count, "batch counter")) absent") }
      for line in report.allowed.lines { show(line) }
    } else {
      let names = result.metadata.architecture == nil ? AviaryCommand.registry.names(fitting: result) : []
      show("no architecture given: names and layouts are kept")
      if let first = names.first {
        show(
          "the tensors fit \(names.joined(separator: ", ")): with --architecture \(first), predict and finetune take the file"
        )
      }
    }
    for note in result.notes + result.trainingNotes { show("note: \(note)") }
    if hadTraining { show("the training state is not converted") }
    show("\(output): written")
  }

  /// Refuses an unknown output format before anything is read.
  static func check(output: String) throws(CheckpointFault) {
    guard
      [".h5", ".hdf5", ".safetensors", ".pth", ".pt", ".pth.tar", ".npz"].contains(where: output.lowercased().hasSuffix)
    else {
      throw .unknownOutput(path: output)
    }
  }

  /// Whether the format stores the scales of quantized weights.
  private static func keepsIntegers(_ output: String) -> Bool {
    needsDots(output) && !output.lowercased().hasSuffix(".weights.h5")
  }

  /// Whether the format keeps more than tensors.
  private static func keepsMetadata(_ output: String) -> Bool {
    ![".npz", ".weights.h5"].contains(where: output.lowercased().hasSuffix)
  }

  /// Whether the format forbids slashes in names.
  static func needsDots(_ output: String) -> Bool { [".h5", ".hdf5"].contains(where: output.lowercased().hasSuffix) }
}
