#if ONNX
  import AviaryCheckpoints
  import AviaryDatasets
  import AviaryLayers
  import AviaryModels
  import AviaryTensors
  import AviaryTestSupport
  import Foundation
  import Testing

  @testable import AviaryONNX

  @Suite struct ModelTests {
    private static func lenet() throws -> any Network {
      let network = try Registry.zoo.architecture(named: "lenet5").build()
      network.initialize(seed: 3)
      return network
    }

    @Test func nodesAndWeights() throws {
      let network = try Self.lenet()
      let file = try written(try ONNXModel(of: network, input: [1, 28, 28]))
      #expect(
        file.types.filter { $0 != "Identity" }.filter { ["Conv", "Gemm", "Reshape"].contains($0) }
          == ["Conv", "Conv", "Reshape", "Gemm", "Gemm", "Gemm"])
      let convolution = try file.first("Conv")
      #expect(convolution.ints("kernel_shape") == [5, 5] && convolution.ints("strides") == [1, 1])
      #expect(convolution.ints("pads") == [2, 2, 2, 2] && convolution.int("group") == 1)
      let parameters = network.namedParameters()
      for (path, parameter) in parameters {
        let stored = try file.initializer(path)
        #expect(stored.dims.map { Int($0) } == parameter.shape && stored.dataType == 1)
        #expect(stored.floats == parameter.tensor.scalars)
      }
      // The rows of the batch are what is left.
      let reshape = try file.first("Reshape")
      #expect(try file.initializer(reshape.input[1]).int64s == [0, 400])
      #expect(try file.first("Gemm").int("transB") == 1)
    }

    @Test func metadataAndPreparation() throws {
      var options = ONNXModel.Options()
      options.preprocessing = Preprocessing(
        resize: .none, crop: ImageSize(height: 28, width: 28), channels: .grey, scale: 1 / 255, mean: [0.5],
        standardDeviation: [0.25])
      options.probabilities = true
      options.classes = ["a \"b\"", "ü"]
      options.metadata = [("licence", "MIT")]
      let file = try written(try ONNXModel(of: try Self.lenet(), input: [1, 28, 28], options: options))
      #expect(file.faults == [])
      #expect(file.metadataProps.map(\.key) == ["classes", "licence"])
      #expect(try JSONValue(parsing: file.metadataProps[0].value).texts == ["a \"b\"", "ü"])
      let image = try #require(file.graph.input.first)
      #expect(image.name == "image" && image.type.tensorType.elemType == 2)
      #expect(file.shape(image) == ["batch", "28", "28", "1"])
      #expect(Array(file.types.prefix(4)) == ["Cast", "Transpose", "Mul", "Add"])
      #expect(try file.initializer("image_factors").floats == [4 / 255])
      #expect(try file.initializer("image_offsets").floats == [-2])
      #expect(Array(file.types.suffix(2)) == ["Softmax", "Identity"])
      #expect(file.graph.output.map(\.name) == ["probabilities"])
    }

    /// Estimates are in the target's own units, whatever the type of the graph is, and are no probabilities.
    @Test(arguments: [ElementType.float32, .float16])
    func estimatesAreRestored(type: ElementType) throws {
      let network = try Registry.zoo.architecture(named: "lenet5").build().replacingHead(outputs: 1, seed: 1)
      network.initialize(seed: 3)
      var options = ONNXModel.Options()
      options.isHalf = type == .float16
      options.target = TargetScale(mean: 150_000, deviation: 40_000)
      let model = try ONNXModel(of: network, input: [1, 28, 28], options: options)
      let file = try written(model)
      #expect(file.faults == [] && model.outputs.map(\.name) == ["values"])
      #expect(Array(file.types.suffix(3)) == ["Mul", "Add", "Identity"])
      #expect(try file.initializer("target_deviation").floats == [40_000])
      #expect(try file.initializer("target_mean").floats == [150_000])
      options.target = nil
      let plain = try ONNXModel(of: network, input: [1, 28, 28], options: options).examples()
      let (outputs, values) = (plain["0/logits"]?.doubles() ?? [], model.examples()["0/values"]?.floats() ?? [])
      expectClose(actual: values, expected: outputs.map { 150_000 + 40_000 * $0 })
      // Neither with the scale of a target nor of one output alone is there a softmax.
      options.probabilities = true
      #expect(throws: ONNXFault.self) { try ONNXModel(of: network, input: [1, 28, 28], options: options) }
      options.target = TargetScale()
      let three = network.replacingHead(outputs: 3, seed: 1)
      let fault = #expect(throws: ONNXFault.self) { try ONNXModel(of: three, input: [1, 28, 28], options: options) }
      #expect("\(try #require(fault))" == "--probabilities is for classifiers; the outputs of this network are values")
    }

    @Test func blueFirstIsTurned() throws {
      var options = ONNXModel.Options()
      options.preprocessing = Preprocessing(
        resize: .none, crop: ImageSize(height: 4, width: 4), channels: .bgr, scale: 1, mean: [1, 2, 3],
        standardDeviation: [1, 1, 1])
      let model = try ONNXModel(program([.symbol(0), .fixed(3), .fixed(4), .fixed(4)]) { relu($0) }, options)
      let file = try written(model)
      #expect(try file.initializer(try file.first("Gather").input[1]).int64s == [2, 1, 0])
      #expect(try file.initializer("image_offsets").floats == [-1, -2, -3])
      #expect(!file.types.contains("Mul"))
    }

    @Test(arguments: [ElementType.float32, .float16])
    func imagesAreNormalizedByThemselves(type: ElementType) throws {
      var options = ONNXModel.Options()
      options.isHalf = type == .float16
      options.preprocessing = Preprocessing(
        resize: .none, crop: ImageSize(height: 4, width: 4), channels: .rgb, scale: 1 / 255, mean: [0, 0, 0],
        standardDeviation: [1, 1, 1]
      ).normalizingEach(.standard)
      let model = try ONNXModel(program([.symbol(0), .fixed(3), .fixed(4), .fixed(4)]) { relu($0) }, options)
      let file = try written(model)
      #expect(file.faults == [])
      let half = options.isHalf ? ["Cast"] : []
      let kinds = ["Cast", "Transpose", "Mul", "ReduceMean", "Sub", "Mul", "ReduceMean", "Sqrt", "Add", "Div"] + half
      #expect(Array(file.types.prefix(kinds.count)) == kinds)
      // In float32, whatever the type of the graph is.
      #expect(try file.first("Cast").int("to") == 1)
      #expect(try file.initializer("image_scale").floats == [1 / 255])
    }

    @Test func imagesOfOtherShapesAreNotPrepared() throws {
      func fault(_ channels: Preprocessing.Channels, _ side: Int) throws -> String {
        var options = ONNXModel.Options()
        let ones = Array(repeating: 1.0, count: channels.count)
        options.preprocessing = Preprocessing(
          resize: .none, crop: ImageSize(height: side, width: side), channels: channels, scale: 1, mean: ones,
          standardDeviation: ones)
        let fault = #expect(throws: ONNXFault.self) {
          try ONNXModel(of: try Self.lenet(), input: [1, 28, 28], options: options)
        }
        return "\(try #require(fault))"
      }
      #expect(try fault(.rgb, 28).contains("prepared as 3×28×28, and the network takes 1×28×28"))
      #expect(try fault(.grey, 32).contains("prepared as 1×32×32, and the network takes 1×28×28"))
    }

    @Test func halfPrecision() throws {
      var options = ONNXModel.Options()
      options.isHalf = true
      let file = try written(try ONNXModel(of: try Self.lenet(), input: [1, 28, 28], options: options))
      #expect(file.faults == [])
      #expect(file.types.first == "Cast" && file.types.suffix(2) == ["Cast", "Identity"])
      #expect(file.graph.initializer.allSatisfy { [7, 10].contains($0.dataType) })
      #expect(file.graph.input[0].type.tensorType.elemType == 1 && file.graph.output[0].type.tensorType.elemType == 1)

      let large = Parameter(shape: [2], initializer: .zeros)
      large.assign(Tensor([1, 1e6], shape: [2]))
      #expect(throws: ONNXFault.overflow(tensor: "parameter", count: 1)) {
        try ONNXModel(program([.symbol(0), .fixed(2)]) { $0 * large.tensor }, options)
      }
    }

    @Test func integersBecomeQDQ() throws {
      let layer = Linear(3, 2)
      layer.initialize(seed: 0)
      let calibration = Calibration(of: layer)
      calibration.observe { _ = layer(Tensor([0, 1, 2, 3, 4, 5], shape: [2, 3])) }
      try calibration.quantize()
      let quantization = try #require(layer.weight.tensor.quantization)
      let file = try written(try ONNXModel(program([.symbol(0), .fixed(3)]) { layer($0) }, .init()))
      #expect(file.faults == [])
      #expect(file.types == ["QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Gemm", "Identity"])
      let stored = try file.initializer("weight")
      #expect(stored.dataType == 3 && stored.dims == [2, 3])
      #expect([UInt8](stored.rawData).map { Int8(bitPattern: $0) } == layer.weight.tensor.quantizedValues)
      #expect(try file.initializer("weight.scales").floats == quantization.scales)
      #expect(try file.initializer("input_scale").floats == [quantization.inputScale])
      // Never negative: bytes without a sign.
      #expect(!quantization.inputIsSigned)
      #expect(try file.initializer("zero").dataType == 2)
      let weights = try #require(file.graph.node.first { $0.input.first == "weight" })
      #expect(weights.int("axis") == 0)
    }

    @Test func largeWeightsLieBeside() throws {
      let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-\(UUID()).onnx").path
      defer { for name in [path, path + ".data"] { try? FileManager.default.removeItem(atPath: name) } }
      let network = try Self.lenet()
      let model = try ONNXModel(of: network, input: [1, 28, 28])
      try model.write(to: path, mostInside: 1000)
      let file = try ONNXModelProto(serializedBytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
      let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + ".data")))
      for (path, parameter) in network.namedParameters() {
        var stored = try file.initializer(path)
        #expect(stored.dataLocation == .external && stored.rawData.isEmpty)
        let place = Dictionary(uniqueKeysWithValues: stored.externalData.map { ($0.key, $0.value) })
        let offset = try #require(place["offset"].flatMap { Int($0) })
        let length = try #require(place["length"].flatMap { Int($0) })
        #expect(offset % 64 == 0 && place["location"]?.hasSuffix(".onnx.data") == true)
        stored.rawData = Data(data[offset..<offset + length])
        #expect(stored.floats == parameter.tensor.scalars)
      }
      // Readers infer shapes from integers.
      let shape = try file.initializer("integers")
      #expect(shape.dataLocation == .default && shape.rawData.count == 8 * 2)
    }

    @Test func examplesAreTheNetworks() throws {
      let network = try Self.lenet()
      let model = try ONNXModel(of: network, input: [1, 28, 28])
      let examples = model.examples()
      #expect(examples.paths == ["0/input", "0/logits", "1/input", "1/logits"])
      #expect(examples["0/input"]?.shape == [3, 1, 28, 28] && examples["1/logits"]?.shape == [1, 10])
    }
  }
#endif
