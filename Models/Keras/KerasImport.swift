// A Keras file whose model is a chain of layers becomes a checkpoint of the network `keras-chain`.

import AviaryCheckpoints
import AviaryLayers

extension Checkpoint {
  /// The network that the file describes, with its weights in Aviary's layouts: an Aviary checkpoint that names
  /// `keras-chain`. Arrays keep their element types.
  ///
  /// - Parameters:
  ///   - adaptation: the order of kernel axes, and whether kernels are turned, where the file does not say.
  ///   - path: the file's name, for faults.
  /// - Throws: `KerasModelFault` where the model is no chain of known layers, `CheckpointFault` where the weights are not
  ///   those of its layers.
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
    let architecture = try Registry.zoo.architecture(named: KerasChain.architecture)
    let model = try architecture.build(configuration: plainJSON(builder.configuration))
    let names = builder.paths
    var flattened: [String: Int] = [:]
    for (layer, name) in names { flattened[layer] = channels[name] }
    let mapping = KerasMapping(
      layerNames: names, renames: adaptation.renames, kernelOrder: adaptation.kernelOrder,
      flipKernels: adaptation.flipKernels, allowing: adaptation.allowances, byStructure: adaptation.byStructure,
      allowsResetBefore: true, flattenedChannels: flattened, constants: builder.constants)
    var (result, report) = try mapped(onto: model.cellDescriptions, headPath: model.headPath, by: mapping, path: path)
    result.format = format
    result.notes = builder.notes
    result.metadata.architecture = architecture.name
    result.metadata.configuration = model.configurationValue
    result.metadata.settings = model.settings
    return (result, report)
  }
}

extension KerasChainBuilder {
  /// Reads a model's configuration.
  ///
  /// - Returns: the chain, and the channels of the maps before the dense layers whose rows are reordered, by their paths.
  static func chain(
    _ configuration: JSONValue, version: String, path: String
  ) throws(KerasModelFault) -> (builder: KerasChainBuilder, channels: [String: Int]) {
    let list = try KerasLayerList(configuration, path: path)
    guard let first = list.layers.first else { throw .malformed(path: path, reason: "it has no layers") }
    guard list.layers.count <= 4096 else { throw .malformed(path: path, reason: "it has more than 4096 layers") }
    guard var shape = list.inputShape ?? (first.kind == "Embedding" ? [first.setting("input_length")?.integer] : nil),
      (1...4).contains(shape.count)
    else {
      throw .unsupported(
        path: path, layer: first.name, kind: first.kind,
        reason: "the model does not say what shape its input has; build it in Keras before it is saved")
    }
    // A length that depends on the batch is any.
    for index in shape.indices where (shape[index] ?? 1) < 1 { shape[index] = nil }
    let formats = list.layers.compactMap { $0.setting("data_format", "dim_ordering")?.text }
    let isFirst = shape.count >= 3 && ["channels_first", "th"].contains(formats.first)
    let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 1
    var builder = KerasChainBuilder(
      shape: shape, order: isFirst ? .channelsFirst : .channelsLast, version: major, path: path)
    for layer in list.layers { try builder.add(layer) }
    let channels = try builder.reorderFlattened()
    return (builder, channels)
  }
}
