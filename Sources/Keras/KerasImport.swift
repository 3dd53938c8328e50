// Converts a Keras file into a checkpoint of the network that its model is.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryModels

extension Checkpoint {
  /// The network that the file describes, with its weights in Aviary's layouts: an Aviary checkpoint that names
  /// `keras-chain`, or `keras-graph`. Arrays keep their element types.
  ///
  /// - Parameters:
  ///   - adaptation: the order of kernel axes, and whether to rotate kernels, if the file does not say.
  ///   - path: the file's name, for faults.
  /// - Throws: `KerasModelFault` if the model does not consist of supported layers, `CheckpointFault` if the weights do not fit
  ///   its layers.
  public func kerasNetwork(
    by adaptation: Adaptation = Adaptation(), path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    guard let source = kerasModel, let configuration = source.configuration else {
      throw KerasModelFault.noConfiguration(path: path)
    }
    let stored = KerasStoredParts(source)
    let (builder, channels) = try KerasGraphBuilder.graph(
      configuration, version: source.version, stored: stored, path: path)
    let built = builder.configuration
    let entry = try Registry.standard.architecture(named: built.name)
    let model = try entry.build(configuration: JSONValue(encoding: built))
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
    mapping.layerPlaces = builder.places
    var weights = self
    let copies = KerasCopies(in: configuration)
    weights.kerasModel?.layers.removeAll { layer in
      KerasStoredParts.classes.contains(layer.kind ?? "") || layer.place.map { copies.first($0) != $0 } ?? false
    }
    var (result, report) = try weights.mapped(
      onto: model.cellDescriptions, headPath: model.headPath, by: mapping, path: path)
    result.format = format
    result.notes = builder.notes
    result.trainingNotes = builder.trainingNotes
    result.metadata.architecture = built.name
    result.metadata.configuration = model.configurationValue
    result.metadata.settings = model.settings
    return (result, report)
  }
}

extension KerasGraphBuilder {
  /// Reads a model's configuration.
  ///
  /// - Returns: the graph, and the number of channels of the feature maps before each dense layer whose rows are reordered,
  ///   by path.
  static func graph(
    _ configuration: JSONValue, version: String, stored: KerasStoredParts = KerasStoredParts(), path: String
  ) throws(KerasModelFault) -> (builder: KerasGraphBuilder, channels: [String: Int]) {
    var builder = try KerasGraphReader(
      configuration, version: KerasVersion(version), stored: stored, path: path
    ).builder
    let channels = builder.reorderFlattened()
    return (builder, channels)
  }
}

/// What a file keeps apart from a model's configuration and becomes a part of it here: vocabularies, and the weights of
/// their words.
struct KerasStoredParts {
  /// The classes of layers whose arrays are no cells of the network.
  static let classes: Set<String> = ["StringLookup", "IntegerLookup", "TextVectorization", "Discretization", "Hashing"]

  private(set) var vocabularies = ExactDictionary<String>()
  private(set) var weights = ExactDictionary<[Float]>()

  init() {}

  init(_ model: KerasModel) {
    vocabularies = model.vocabularies
    for layer in model.layers {
      let array = layer.weights.first { $0.name.split(separator: "/").last == "idf_weights" }?.array
      if let place = layer.place, let array, array.shape.count == 1 { weights[place] = array.floats() }
    }
  }
}
