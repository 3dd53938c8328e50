// Converts a Keras file whose model is a chain of layers into a checkpoint of the network `keras-chain`.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryModels

extension Checkpoint {
  /// The network that the file describes, with its weights in Aviary's layouts: an Aviary checkpoint that names
  /// `keras-chain`. Arrays keep their element types.
  ///
  /// - Parameters:
  ///   - adaptation: the order of kernel axes, and whether to rotate kernels, if the file does not say.
  ///   - path: the file's name, for faults.
  /// - Throws: `KerasModelFault` if the model is not a chain of supported layers, `CheckpointFault` if the weights do not fit
  ///   its layers.
  public func kerasChain(
    by adaptation: Adaptation = Adaptation(), path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    guard let source = kerasModel, let configuration = source.configuration else {
      throw KerasModelFault.noConfiguration(path: path)
    }
    let (builder, channels) = try KerasChainBuilder.chain(configuration, version: source.version, path: path)
    return try chain(builder, channels, adaptation, path)
  }

  private func chain(
    _ builder: KerasChainBuilder, _ channels: [String: Int], _ adaptation: Adaptation, _ path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    let model = try KerasChain.entry.build(configuration: JSONValue(encoding: builder.configuration))
    var targets: [String: KerasMapping.Target] = [:]
    for (path, source) in builder.sources {
      targets[path] = .init(
        kind: source.kind, configuration: source.configuration, flattenedChannels: channels[path])
    }
    var mapping = KerasMapping(
      renames: adaptation.renames, kernelOrder: adaptation.kernelOrder,
      flipKernels: adaptation.flipKernels, allowing: adaptation.allowances, byStructure: adaptation.byStructure,
      allowsResetBefore: true, targets: targets, constants: builder.constants)
    mapping.layerNames = builder.paths
    var (result, report) = try mapped(onto: model.cellDescriptions, headPath: model.headPath, by: mapping, path: path)
    result.format = format
    result.notes = builder.notes
    result.metadata.architecture = KerasChain.architecture
    result.metadata.configuration = model.configurationValue
    result.metadata.settings = model.settings
    return (result, report)
  }
}

extension KerasChainBuilder {
  /// Reads a model's configuration.
  ///
  /// - Returns: the chain, and the number of channels of the feature maps before each dense layer whose rows are reordered,
  ///   by path.
  static func chain(
    _ configuration: JSONValue, version: String, path: String
  ) throws(KerasModelFault) -> (builder: KerasChainBuilder, channels: [String: Int]) {
    let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 1
    let list = try KerasLayerList(configuration, version: major, path: path)
    guard let first = list.layers.first else { throw .malformed(path: path, reason: "it has no layers") }
    guard list.layers.count <= 4096 else { throw .malformed(path: path, reason: "it has more than 4096 layers") }
    guard var shape = list.inputShape ?? (first.kind == "Embedding" ? [first.setting("input_length")?.integer] : nil),
      (1...4).contains(shape.count)
    else {
      throw first.unsupported("the model does not say what shape its input has; build it in Keras before you save it")
    }
    // A length that depends on the batch can be any.
    for index in shape.indices where (shape[index] ?? 1) < 1 { shape[index] = nil }
    let formats = list.layers.compactMap { $0.setting("data_format", "dim_ordering")?.text }
    let isFirst = shape.count >= 3 && ["channels_first", "th"].contains(formats.first)
    var builder = KerasChainBuilder(shape: shape, order: isFirst ? .channelsFirst : .channelsLast)
    for layer in list.layers { try KerasLayerClasses.read(layer, into: &builder) }
    let channels = try builder.reorderFlattened()
    return (builder, channels)
  }
}
