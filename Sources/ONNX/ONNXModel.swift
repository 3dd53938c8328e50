#if ONNX
  import AviaryArchives
  import AviaryCheckpoints
  import AviaryDatasets
  import AviaryLayers
  import AviaryTensors
  import SwiftProtobuf

  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  /// A network as an ONNX file: its operations, as a trace lists them, and its weights.
  ///
  /// ```swift
  /// let model = try ONNXModel(of: network, input: [3, 224, 224])
  /// try model.write(to: "network.onnx")
  /// ```
  ///
  /// The batch may have any size, and so may sequences where the network permits it. The article "ONNX files" says what
  /// is exported of each kind of network.
  public struct ONNXModel {
    /// How a network is exported.
    public struct Options: Sendable {
      /// Whether weights and what is computed with them are float16. Inputs and outputs stay float32.
      public var isHalf = false
      /// Of images: their preparation becomes a part of the graph, whose input is then `image`, [N, H, W, C] of bytes, red
      /// first, of the size that the network takes. Resizing stays with the caller.
      public var preprocessing: Preprocessing?
      /// Whether outputs that are scores of classes become probabilities.
      public var probabilities = false
      /// Of a network that estimates numbers: how its target was scaled. Its outputs are then called `values` and are in the
      /// target's own units.
      public var target: TargetScale?
      /// The names of the classes.
      public var classes: [String]?
      /// What else the file is to say, by name.
      public var metadata: [(key: String, value: String)] = []

      /// Float32, without preparation of images and without classes.
      public init() {}

      /// What the outputs of a network without further ones are called.
      var output: String { target != nil ? "values" : probabilities ? "probabilities" : "logits" }
    }

    /// The version of ONNX's operators.
    public static let operatorSet = 18
    private static let fileVersion: Int64 = 8
    /// A protobuf message holds less than two gigabytes; larger weights are written beside the model.
    static let mostInside = 1_900_000_000

    let proto: ONNXModelProto
    private let initializers: [GraphBuilder.Initializer]
    let program: NetworkProgram
    let options: Options

    /// What is said of an input or output.
    public struct Port: Sendable, Equatable {
      /// The name by which a runtime asks for it, such as `input` or `logits`.
      public let name: String
      /// `float32`, `int64` or `uint8`.
      public let type: String
      /// Numbers, or the names of sizes that vary; `?` for one without a name.
      public let shape: [String]
    }

    /// What the file takes, in the order of the network.
    public let inputs: [Port]
    /// What the file computes: `logits` or `probabilities` [N, classes] of a classifier, `values` [N, outputs] of a regression.
    public let outputs: [Port]

    /// Traces a network and writes its operations down.
    ///
    /// - Parameters:
    ///   - network: the network, in inference.
    ///   - input: the shape of an input without the batch, [C, H, W] of images for instance, which a validated configuration
    ///     takes.
    ///   - options: the type of the weights, and what the file does beside the network.
    /// - Throws: `ONNXFault`, which names the operation and the layer where one cannot be exported.
    public init(of network: any Network, input: [Int], options: Options = Options()) throws(ONNXFault) {
      let candidates = try NetworkProgram.candidates(for: network, input: input, output: options.output)
      var first: ONNXFault?
      for (number, program) in candidates.enumerated() {
        do throws(ONNXFault) {
          try self.init(program, options)
          return
        } catch {
          first = first ?? error
          guard number + 1 < candidates.count, error.isAboutSizes else {
            throw error.isAboutSizes ? first ?? error : error
          }
        }
      }
      throw first ?? .unsupported(reason: "the network cannot be exported")
    }

    init(_ program: NetworkProgram, _ options: Options) throws(ONNXFault) {
      if options.probabilities, program.outputs != ["probabilities"] {
        throw .unsupported(
          reason: "--probabilities is for classifiers; the outputs of this network are "
            + program.outputs.joined(separator: ", "))
      }
      if options.preprocessing != nil, program.inputs.count != 1 || program.inputs[0].shape.count != 4 {
        throw .unsupported(reason: "only images are prepared in the graph, which this network does not take")
      }
      if let preprocessing = options.preprocessing { try program.requireImages(of: preprocessing) }
      self.program = program
      self.options = options
      let trace = try SymbolicTrace(program)
      let graph = GraphBuilder(float: options.isHalf ? .float16 : .float32)
      var ports: [Port] = []
      var infos: [ONNXValueInfoProto] = []
      var names: [String] = []
      var given: [String] = []
      for input in program.inputs {
        let shape = input.shape.map { program.dimension($0) }
        let isImage = options.preprocessing != nil
        let name = graph.name(isImage ? "image" : input.name)
        let type: ElementType = isImage ? .uint8 : input.isNumbers ? .float32 : .int64
        let own = isImage ? [shape[0], shape[2], shape[3], shape[1]] : shape
        ports.append(Port(name: name, type: "\(type)", shape: own))
        infos.append(.init(name, type, own, input.note))
        names.append(try graph.entering(name, type, options.preprocessing))
        given.append(isImage ? names[names.count - 1] : name)
      }
      let lowering = GraphLowering(trace, graph, inputs: names, given: given)
      var results: [Port] = []
      var ends: [ONNXValueInfoProto] = []
      for (number, value) in try lowering.run().enumerated() {
        let place = trace.outputs[number] ?? 0
        let shape = trace.shape(place).map { size -> Extent in
          guard let size else { return .open }
          return size.constant.map { .fixed($0) } ?? size.symbol.map { .symbol($0) } ?? .open
        }.map { program.dimension($0) }
        var y = value
        if options.probabilities {
          guard shape.last != "1" else {
            throw .unsupported(reason: "--probabilities is for classifiers; this network has one output")
          }
          y = graph.node("Softmax", [y], ["axis": .int(-1)])
        }
        if graph.float != .float32 { y = graph.node("Cast", [y], ["to": .int(ElementType.float32.dataType.rawValue)]) }
        if let target = options.target { y = graph.restored(y, target) }
        let name = graph.name(program.outputs[number])
        graph.rename(y, to: name)
        results.append(Port(name: name, type: "float32", shape: shape))
        ends.append(.init(name, .float32, shape, options.target == nil ? "" : "in the units of the target"))
      }
      var proto = ONNXModelProto()
      proto.irVersion = Self.fileVersion
      proto.producerName = "aviary"
      var operators = ONNXOperatorSetIdProto()
      operators.version = Int64(Self.operatorSet)
      proto.opsetImport = [operators]
      proto.graph.name = "network"
      proto.graph.node = graph.nodes
      proto.graph.input = infos
      proto.graph.output = ends
      proto.metadataProps = Self.metadata(options).map { key, value in
        var entry = ONNXStringStringEntryProto()
        (entry.key, entry.value) = (key, value)
        return entry
      }
      self.proto = proto
      initializers = graph.initializers
      (inputs, outputs) = (ports, results)
    }

    private static func metadata(_ options: Options) -> [(key: String, value: String)] {
      guard let classes = options.classes else { return options.metadata }
      // JSON, since names may hold any character.
      let list = JSONValue.array(classes.map { .text($0) }).serialized
      return [("classes", list)] + options.metadata
    }

    /// The number of bytes of the weights.
    public var weightBytes: Int { initializers.reduce(0) { $0 + $1.bytes.count } }

    /// The number of nodes.
    public var nodeCount: Int { proto.graph.node.count }

    // MARK: Writing

    /// Writes the file, and beside it `path`.data for weights of two gigabytes and more.
    public func write(to path: String) throws(ONNXFault) { try write(to: path, mostInside: Self.mostInside) }

    func write(to path: String, mostInside: Int) throws(ONNXFault) {
      var proto = proto
      do throws(ArchiveFault) {
        if weightBytes > mostInside {
          let data = path + ".data"
          let (tensors, parts) = external(data.split(separator: "/").last.map(String.init) ?? data)
          proto.graph.initializer = tensors
          try writeDurably(parts, to: data)
        } else {
          proto.graph.initializer = initializers.map { $0.proto() }
        }
        let bytes: [UInt8]
        do { bytes = try proto.serializedBytes() } catch {
          throw .system(path: path, operation: "encode", reason: "\(error)")
        }
        try writeDurably([ByteRegion(bytes)], to: path)
      } catch { throw .archive(error) }
    }

    /// Tensors whose bytes are elsewhere, and these bytes: each begins at a multiple of 64. Integers, which are axes, shapes and
    /// indices, stay in the file: readers infer shapes from them.
    private func external(_ location: String) -> ([ONNXTensorProto], [ByteRegion]) {
      var tensors: [ONNXTensorProto] = []
      var parts: [ByteRegion] = []
      var offset = 0
      for initializer in initializers {
        guard initializer.type != .int64 else {
          tensors.append(initializer.proto())
          continue
        }
        tensors.append(initializer.proto(at: (location, offset)))
        parts.append(ByteRegion([UInt8](initializer.bytes)))
        offset += initializer.bytes.count
        let padding = (64 - offset % 64) % 64
        parts.append(ByteRegion([UInt8](repeating: 0, count: padding)))
        offset += padding
      }
      return (tensors, parts)
    }
  }

  extension ONNXFault {
    /// Whether another program for the same network may do.
    fileprivate var isAboutSizes: Bool {
      switch self {
      case .varies, .structure, .operation: true
      case .reads, .unsupported, .overflow, .archive: false
      }
    }
  }

  extension NetworkProgram {
    /// Refuses images of other channels, or of another size, than the input has.
    fileprivate func requireImages(of preprocessing: Preprocessing) throws(ONNXFault) {
      let size = preprocessing.outputSize
      let prepared = [preprocessing.channels.count, size?.height, size?.width]
      let isTaken = zip(prepared, inputs[0].shape.dropFirst()).allSatisfy { own, extent in
        guard let own, case .fixed(let size) = extent else { return true }
        return own == size
      }
      guard !isTaken else { return }
      let taken = inputs[0].shape.dropFirst().map { dimension($0) }.joined(separator: "×")
      throw .unsupported(
        reason:
          "its images are prepared as \(prepared.map { $0.map { "\($0)" } ?? "?" }.joined(separator: "×")), and the "
          + "network takes \(taken)")
    }

    fileprivate func dimension(_ extent: Extent) -> String {
      switch extent {
      case .fixed(let size): "\(size)"
      case .symbol(let symbol): symbols[symbol].name
      case .open: "?"
      }
    }
  }

  extension ONNXValueInfoProto {
    fileprivate init(_ name: String, _ type: ElementType, _ shape: [String], _ note: String) {
      self.init()
      self.name = name
      docString = note
      self.type.tensorType.elemType = Int32(type.dataType.rawValue)
      self.type.tensorType.shape.dim = shape.map { text in
        var dimension = ONNXTensorShapeProto.Dimension()
        if let size = Int64(text) { dimension.dimValue = size } else if text != "?" { dimension.dimParam = text }
        return dimension
      }
    }
  }

  extension GraphBuilder.Initializer {
    /// - Parameter place: where the bytes are, if they are not in the file itself.
    func proto(at place: (location: String, offset: Int)? = nil) -> ONNXTensorProto {
      var tensor = ONNXTensorProto()
      tensor.name = name
      tensor.dims = shape.map { Int64($0) }
      tensor.dataType = Int32(type.dataType.rawValue)
      guard let place else {
        tensor.rawData = bytes
        return tensor
      }
      tensor.dataLocation = .external
      tensor.externalData = [
        ("location", place.location), ("offset", "\(place.offset)"), ("length", "\(bytes.count)"),
      ].map { key, value in
        var entry = ONNXStringStringEntryProto()
        (entry.key, entry.value) = (key, value)
        return entry
      }
      return tensor
    }
  }

  extension GraphBuilder {
    /// What the network is given, of an input of the file: numbers in the type of the graph, prepared where they are images.
    fileprivate func entering(
      _ name: String, _ type: ElementType, _ preprocessing: Preprocessing?
    ) throws(ONNXFault) -> String {
      if type == .int64 || (type == .float32 && float == .float32) { return name }
      guard type == .uint8, let preprocessing else { return cast(name, to: float) }
      // Sums over an image, which float16 cannot hold, are made where images are normalized by themselves.
      var x = cast(name, to: preprocessing.samplewise == nil ? float : .float32)
      if preprocessing.channels == .bgr {
        x = node("Gather", [x, int64s([2, 1, 0])], ["axis": .int(3)])
      }
      x = node("Transpose", [x], ["perm": .ints([0, 3, 1, 2])])
      // scale · x − mean, divided by the deviation.
      var scale = preprocessing.scale
      if let way = preprocessing.samplewise {
        x = normalized(x, way, scale: Float(scale))
        if float != .float32 { x = cast(x, to: float) }
        scale = 1
      }
      let factors = preprocessing.standardDeviation.map { Float(scale / $0) }
      let offsets = zip(preprocessing.mean, preprocessing.standardDeviation).map { Float(-$0 / $1) }
      let shape = [1, factors.count, 1, 1]
      if factors.contains(where: { $0 != 1 }) {
        x = node("Mul", [x, try self.numbers(factors, shape: shape, "image_factors")])
      }
      if offsets.contains(where: { $0 != 0 }) {
        x = node("Add", [x, try self.numbers(offsets, shape: shape, "image_offsets")])
      }
      return x
    }

    /// Estimates in the target's own units, of outputs in float32, which has room for them.
    fileprivate func restored(_ y: String, _ target: TargetScale) -> String {
      var y = y
      if target.deviation != 1 {
        y = node("Mul", [y, singles([Float(target.deviation)], shape: [], "target_deviation")])
      }
      if target.mean != 0 { y = node("Add", [y, singles([Float(target.mean)], shape: [], "target_mean")]) }
      return y
    }

    private func cast(_ value: String, to type: ElementType) -> String {
      node("Cast", [value], ["to": .int(type.dataType.rawValue)])
    }

    /// Images that are normalized by themselves, over all of their values: `Preprocessing.samplewise`.
    private func normalized(_ images: String, _ way: Preprocessing.Samplewise, scale: Float) -> String {
      let axes = int64s([1, 2, 3])
      let scaled = node("Mul", [images, singles([scale], shape: [], "image_scale")])
      let centered = node("Sub", [scaled, node("ReduceMean", [scaled, axes])])
      if way == .center { return centered }
      let variance = node("ReduceMean", [node("Mul", [centered, centered]), axes])
      let deviation = node("Add", [node("Sqrt", [variance]), singles([1e-6], shape: [], "image_epsilon")])
      return node("Div", [centered, deviation])
    }
  }
#endif
