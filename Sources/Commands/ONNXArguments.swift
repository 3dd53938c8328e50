import ArgumentParser
import Aviary
import AviaryDiagnostics

#if ONNX
  import AviaryONNX
#endif

/// How `convert` writes an ONNX file.
struct ONNXArguments: ParsableArguments {
  @Flag(
    help:
      "Take images as bytes, [N, H, W, C], and prepare them in the graph: for .onnx (needs a build with --traits ONNX)."
  )
  var withPreprocessing = false
  @Flag(help: "Put out the probabilities of classes instead of scores: for .onnx.") var probabilities = false
  @Option(
    help: ArgumentHelp(
      "Also write example inputs and what Aviary makes of them, to compare another runtime with: for .onnx.",
      valueName: "file.npz"))
  var example: String?

  static func isONNX(_ path: String) -> Bool { path.lowercased().hasSuffix(".onnx") }

  func validate(output: String, _ command: ConvertCommand) throws {
    if !Self.isONNX(output) {
      for (name, isGiven) in [
        ("--with-preprocessing", withPreprocessing), ("--probabilities", probabilities), ("--example", example != nil),
      ] where isGiven {
        throw ValidationError("\(name) is for ONNX files; give the output the extension .onnx")
      }
      return
    }
    #if ONNX
      for (name, isGiven) in [("--keep-names", command.keepNames), ("--allow-overflow", command.allowOverflow)]
      where isGiven {
        throw ValidationError("\(name) is not for ONNX files; leave it out")
      }
      if command.dtype == .bf16 { throw ValidationError("--dtype must be f32 or f16 for ONNX files") }
      if let example {
        guard example.lowercased().hasSuffix(".npz") else {
          throw ValidationError("--example must be the name of an .npz file")
        }
        if withPreprocessing || probabilities || command.dtype == .f16 {
          throw ValidationError(
            "--example is of the network itself; leave out --with-preprocessing, --probabilities and --dtype f16")
        }
      }
    #else
      throw ValidationError(
        "ONNX files are not in this build; build aviary with the trait ONNX: swift build -c release --traits ONNX")
    #endif
  }

  #if ONNX
    func convert(_ command: ConvertCommand) throws {
      let path = try command.weights.path(of: command.input)
      let (read, found) = try command.source.read(path, whole: true)
      let checkpoint = command.dtype == .f32 ? read.dequantized() : read
      if checkpoint.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
      let missing = try command.source.allowMissing.map { try Allowance.missing($0) }
      let (network, architecture, _) = try AviaryCommand.registry.model(
        from: checkpoint, allowing: Set(missing), path: path)
      if let first = checkpoint.nonfinite.first { tell("\(path): \(first) is not finite") }
      let preprocessing = try checkpoint.preprocessing()
      let input = try inputShape(network, architecture, preprocessing, command.source)
      if network is any Classifier, !(network is any SequenceReader), !(network is KerasNetwork) {
        _ = try architecture.build(configuration: checkpoint.metadata.configuration, input: input)
      }
      if let classes = checkpoint.metadata.classes, classes.count != network.configuration.outputs {
        throw CommandFault.classCount(source: path, found: classes.count, expected: network.configuration.outputs)
      }
      var options = ONNXModel.Options()
      options.isHalf = command.dtype == .f16
      options.probabilities = probabilities
      options.target = try checkpoint.inputPreparation()?.targetScale
      options.classes = checkpoint.metadata.classes
      options.metadata = Self.metadata(checkpoint.metadata)
      if withPreprocessing {
        guard let preprocessing else { throw CommandFault.noPreprocessing(path: path) }
        options.preprocessing = preprocessing
      }
      if let lost = checkpoint.metadata.lostThresholds(command.output) { tell(lost) }
      try command.overwrite.check(command.output, for: .onnx)
      let model: ONNXModel
      do { model = try ONNXModel(of: network, input: input, options: options) } catch {
        // Of images of one size more networks can be exported than of those of any size.
        let isOpen = preprocessing == nil && input.count == 3 && input.contains(0)
        let advice = isOpen ? "; give the size of its images with --preprocessing and --input-size" : ""
        throw CommandFault.notExported(path: path, fault: "\(error)\(advice)")
      }
      if let example {
        let arrays = model.examples()
        try command.overwrite.check(example, for: .arrays(arrays.paths))
        try arrays.write(to: example)
      }
      try model.write(to: command.output)
      // What is allowed to differ is said of files that a network reads, as of other formats.
      report(model, path, architecture, notes: (found?.allowed.lines ?? []) + checkpoint.notes, command)
    }

    /// The shape of an input without the batch.
    private func inputShape(
      _ network: any Network, _ architecture: Architecture, _ preprocessing: Preprocessing?, _ source: SourceOptions
    ) throws -> [Int] {
      if let preprocessing {
        guard let size = preprocessing.outputSize else { throw PreprocessingFault.noFixedSize }
        return [preprocessing.channels.count, size.height, size.width]
      }
      if let network = network as? KerasNetwork {
        return network.configuration.input.map { $0 ?? 0 }
      }
      var input = architecture.input
      if let network = network as? MLP {
        return input.reduce(1, *) == network.configuration.inputs ? input : [network.configuration.inputs]
      }
      guard input.count == 3 else { return input }
      if let configuration = network.configuration as? any ImageConfiguration { input[0] = configuration.inputChannels }
      if let size = source.inputSize?.size { (input[1], input[2]) = (size.height, size.width) }
      return input
    }

    private static func metadata(_ metadata: Checkpoint.Metadata) -> [(key: String, value: String)] {
      var entries: [(key: String, value: String)] = []
      if let name = metadata.architecture { entries.append(("architecture", name)) }
      if let configuration = metadata.configuration { entries.append(("configuration", configuration.serialized)) }
      if let preprocessing = metadata.preprocessing { entries.append(("preprocessing", preprocessing.serialized)) }
      if let licence = metadata.licence { entries.append(("licence", licence)) }
      if let provenance = metadata.provenance { entries.append(("provenance", provenance)) }
      // Other runtimes do not apply them; a program may.
      if metadata.thresholds != nil, let text = metadata.extra[ClassThresholds.key] {
        entries.append((ClassThresholds.key, text))
      }
      return entries
    }

    private func report(
      _ model: ONNXModel, _ input: String, _ architecture: Architecture, notes: [String], _ command: ConvertCommand
    ) {
      let dtype = command.dtype == .f16 ? "float16" : "float32"
      guard !command.json else {
        func ports(_ ports: [ONNXModel.Port]) -> JSONValue {
          .array(
            ports.map {
              .members(["name": .text($0.name), "type": .text($0.type), "shape": .texts($0.shape)])
            })
        }
        printJSON(
          JSONValue.members([
            "input": .text(input), "output": .text(command.output), "format": .text("ONNX"),
            "architecture": .text(architecture.name), "opset": .integer(ONNXModel.operatorSet), "dtype": .text(dtype),
            "nodes": .integer(model.nodeCount), "weight_bytes": .integer(model.weightBytes),
            "inputs": ports(model.inputs), "outputs": ports(model.outputs), "notes": .texts(notes),
          ]))
        return
      }
      show("\(input): \(architecture.name)")
      for (word, ports) in [("input", model.inputs), ("output", model.outputs)] {
        for port in ports {
          show("\(word) \(printable(port.name)): \(port.type) [\(port.shape.joined(separator: ", "))]")
        }
      }
      for note in notes { show("note: \(note)") }
      if let example { show("\(example): written") }
      show(
        "\(command.output): written: ONNX, opset \(ONNXModel.operatorSet), \(counted(model.nodeCount, "node")), \(dtype), "
          + "\(grouped(model.weightBytes)) bytes of weights")
    }
  #endif
}
