#if ONNX
  import AviaryKeras
  import AviaryLayers
  import AviaryTensors
  import Foundation
  import Testing

  @testable import AviaryONNX

  @Suite struct LoweringTests {
    private func file(
      _ shape: [Extent], symbols: [Symbol] = [.batch], _ forward: @escaping (Tensor) -> Tensor
    ) throws -> ONNXModelProto {
      let file = try written(try ONNXModel(program(shape, symbols: symbols, forward), .init()))
      #expect(file.faults == [])
      return file
    }

    private let row: [Extent] = [.symbol(0), .fixed(6)]
    private let image: [Extent] = [.symbol(0), .fixed(2), .fixed(7), .fixed(6)]

    @Test func sizesAreFunctions() throws {
      let symbols = [Symbol.batch, .steps()]
      let combinations = Symbol.combinations(symbols)
      #expect(combinations == [[2, 5], [3, 5], [2, 7], [3, 7], [4, 6]])
      let product = try #require(Size(combinations.map { 4 * $0[0] * $0[1] + $0[1] + 3 }, symbols))
      #expect(product.terms == [0: 3, 2: 1, 3: 4] && product.value([10, 20]) == 823)
      #expect(Size(combinations.map { _ in 9 }, symbols)?.constant == 9)
      #expect(Size(combinations.map { $0[1] }, symbols)?.symbol == 1)
      #expect(Symbol.combinations([.batch]) == [[2], [3], [4]])
      // Neither squares nor halves are.
      #expect(Size(combinations.map { $0[1] * $0[1] }, symbols) == nil)
      #expect(Size(combinations.map { ($0[1] + 1) / 2 }, symbols) == nil)
      #expect(Size([2, 3, 4].map { ($0 + 1) / 2 }, [.batch]) == nil)
    }

    @Test func shapesFollowTheInput() throws {
      let steps: [Extent] = [.symbol(0), .symbol(1), .fixed(6)]
      let heads = try file(steps, symbols: [.batch, .steps()]) { x in
        x.reshaped(to: [x.shape[0], x.shape[1], 2, 3]).transposed([0, 2, 1, 3])
      }
      #expect(try heads.initializer(try heads.first("Reshape").input[1]).int64s == [0, 0, 2, 3])
      #expect(heads.shape(heads.graph.output[0]) == ["batch", "2", "steps", "3"])
      // Two sizes that are no axes of the operand: computed from the input.
      let joined = try file(steps, symbols: [.batch, .steps()]) { x in
        x.transposed([2, 1, 0]).reshaped(to: [x.shape[0] * 2, x.shape[1] * 3])
      }
      #expect(joined.types.filter { $0 == "Mul" }.count == 2)
      // Ones that repeat along the batch.
      let padded = try file(row) { x in x.padded([(1, 2)], mode: .constant(3)) }
      #expect(padded.types.contains("Expand") && padded.types.contains("Concat"))
      // Of all axes.
      let zeros = try file(image) { $0.padded(axis: 2, before: 1, after: 2) }
      let pad = try zeros.first("Pad")
      #expect(pad.input.count == 2)
      #expect(try zeros.initializer(pad.input[1]).int64s == [0, 0, 1, 0, 0, 0, 2, 0])
    }

    @Test func poolsThatRoundUp() throws {
      let largest = try file(image) { maxPool($0, kernel: [3, 3], stride: [2, 2], rounding: .up) }
      #expect(try largest.first("MaxPool").ints("pads") == [0, 0, 0, 1])
      let mean = try file(image) {
        averagePool($0, kernel: [3, 3], stride: [2, 2], padding: [1, 1], rounding: .up, countingPadding: true)
      }
      // What lies beyond the padding does not count.
      #expect(Array(mean.types.prefix(2)) == ["Pad", "AveragePool"])
      #expect(try mean.initializer(try mean.first("Pad").input[1]).int64s == [0, 0, 1, 1, 0, 0, 1, 1])
      #expect(try mean.first("AveragePool").int("count_include_pad") == 0)
      #expect(try mean.first("AveragePool").ints("pads") == [0, 0, 0, 1])
    }

    /// The sizes of the symbol alone are all odd.
    @Test func paddingThatFollowsTheSizeIsARule() throws {
      let open: [Extent] = [.symbol(0), .fixed(2), .symbol(1), .symbol(1)]
      let symbols = [Symbol.batch, Symbol(name: "side", low: 9, high: 13, other: 11)]
      func network(_ layers: any UnaryLayer...) throws -> ONNXModelProto {
        let network = Sequential(layers)
        network.initialize(seed: 0)
        var program = program(open, symbols: symbols) { network($0) }
        program.furtherSizes = [[2, 10], [2, 12]]
        return try written(try ONNXModel(program, .init()))
      }
      let file = try network(
        Conv2d(2, 3, kernel: 3, stride: 2, padding: .same), MaxPool2d(3, stride: 2, padding: .same),
        AvgPool2d(2, stride: 1, padding: .same, countingPadding: false))
      #expect(file.faults == [])
      for type in ["Conv", "MaxPool"] {
        let node = try file.first(type)
        #expect(node.text("auto_pad") == "SAME_UPPER" && node.ints("pads") == nil, "\(type)")
      }
      // Of a stride of 1 it is always the same.
      #expect(try file.first("AveragePool").ints("pads") == [0, 0, 1, 1])
      let fault = #expect(throws: ONNXFault.self) { try network(MaxPool2d(2, stride: 3, padding: .same)) }
      #expect("\(try #require(fault))".hasSuffix("its padding depends on the size of the input"))
    }

    /// Whatever sizes its layers permit have to be among the examples: those of the first layer are odd and even with every
    /// choice, those of the third are not.
    @Test func openSizesOfKerasNetworksAreTriedWithAllRests() throws {
      func halving(_ name: String) -> String {
        #"{"activation":"linear","name":"\#(name)","operation":{"convolution":{"bias":false,"filters":2,"groups":1,"#
          + #""window":{"dilation":[1,1],"kernel":[3,3],"padding":"same","stride":[2,2]}}},"place":"\#(name)"}"#
      }
      let text = #"{"input":[2,null,null],"layers":[\#(["a", "b", "c"].map(halving).joined(separator: ","))]}"#
      let network = KerasNetwork(try JSONDecoder().decode(KerasNetwork.Configuration.self, from: Data(text.utf8)))
      network.initialize(seed: 0)
      let file = try written(try ONNXModel(of: network, input: [2, 0, 0]))
      #expect(file.faults == [])
      let convolutions = file.graph.node.filter { $0.opType == "Conv" }
      #expect(convolutions.map { $0.text("auto_pad") } == ["SAME_UPPER", "SAME_UPPER", "SAME_UPPER"])
    }

    private func halved(then name: String, _ operation: String) throws -> KerasNetwork {
      let mix =
        #"{"activation":"linear","name":"mix","operation":{"convolution":{"bias":false,"filters":2,"groups":1,"#
        + #""window":{"dilation":[1,1],"kernel":[1,1],"padding":"valid","stride":[1,1]}}},"place":"mix"}"#
      let pool =
        #"{"activation":"linear","name":"pool","operation":{"pool":{"kind":"max","window":{"dilation":[1,1],"#
        + #""kernel":[2,2],"padding":"valid","stride":[2,2]}}},"place":"pool"}"#
      let next = #"{"activation":"linear","name":"\#(name)","operation":{\#(operation)},"place":"\#(name)"}"#
      let text = #"{"input":[2,null,null],"layers":[\#(mix),\#(pool),\#(next)]}"#
      let network = KerasNetwork(try JSONDecoder().decode(KerasNetwork.Configuration.self, from: Data(text.utf8)))
      network.initialize(seed: 0)
      return network
    }

    /// Half of a size is no function that the graph computes with, and there is no size to fall back on.
    @Test func openSizesThatCannotBeComputedAreRefused() throws {
      let network = try halved(then: "up", #""upSampling":{"size":[2,2]}"#)
      let fault = #expect(throws: ONNXFault.self) { try ONNXModel(of: network, input: [2, 0, 0]) }
      #expect("\(try #require(fault))".contains("the size of the input"), "\(fault as Any)")
      // The size of the images is one.
      #expect(try written(try ONNXModel(of: network, input: [2, 6, 8])).faults == [])
    }

    @Test func recurrentGatesAreSorted() throws {
      let layer = LSTM(3, 2)
      layer.initialize(seed: 0)
      let steps: [Extent] = [.symbol(1), .symbol(0), .fixed(3)]
      let file = try file(steps, symbols: [.batch, .steps()]) { layer($0).output }
      let order = try #require(file.graph.node.first { $0.opType == "Gather" })
      #expect(try file.initializer(order.input[1]).int64s == [0, 1, 6, 7, 2, 3, 4, 5])
      let node = try self.first(file, "LSTM")
      #expect(node.int("hidden_size") == 2 && node.text("direction") == "forward" && node.input.count == 4)
      let gru = GRU(3, 2, bidirectional: true)
      gru.initialize(seed: 0)
      let both = try self.file(steps, symbols: [.batch, .steps()]) { gru($0).output }
      #expect(both.graph.node.filter { $0.opType == "GRU" }.map { $0.text("direction") } == ["forward", "reverse"])
      #expect(both.graph.node.filter { $0.opType == "GRU" }.allSatisfy { $0.int("linear_before_reset") == 1 })
    }

    private func first(_ file: ONNXModelProto, _ type: String) throws -> ONNXNodeProto { try file.first(type) }

    @Test func unneededOperationsAreLeftOut() throws {
      let file = try file(row) { x in
        _ = exp(x)
        return tanh(x)
      }
      #expect(file.types == ["Tanh", "Identity"])
    }

    @Test func otherOperationsAreRefusedByName() throws {
      func cubed(_ x: Tensor) -> Tensor {
        customOperation("cubed", inputs: [x]) {
          $0[0] * $0[0] * $0[0]
        } pullback: { gradient, _, _ in
          [gradient]
        }
      }
      #expect(
        throws: ONNXFault.operation(name: "cubed", path: "", reason: "ONNX has no operator for it")
      ) { try ONNXModel(program(row) { cubed($0) }, .init()) }
      let layer = Sequential([Linear(6, 2), Reading()])
      layer.initialize(seed: 0)
      let fault = #expect(throws: ONNXFault.self) { try ONNXModel(program(row) { layer($0) }, .init()) }
      #expect("\(try #require(fault))".hasPrefix("layer '1': cannot be exported to ONNX: it computes with elements"))
      // What depends on the size of the batch itself.
      #expect(throws: ONNXFault.self) {
        try ONNXModel(program(row) { $0.shape[0] == 2 ? relu($0) : tanh($0) }, .init())
      }
      #expect(throws: ONNXFault.self) {
        try ONNXModel(program(row) { $0.slice(axis: 0, from: 0, to: ($0.shape[0] + 1) / 2) }, .init())
      }
      #expect(throws: ONNXFault.self) {
        try ONNXModel(
          program(row) { $0 * Tensor((0..<$0.shape[0]).map { Float($0) }, shape: [$0.shape[0], 1]) }, .init())
      }
    }

    /// A layer that leaves the graph.
    private struct Reading: UnaryLayer {
      let site = Site()
      var children: [Child] { [Child("site", site)] }
      func forward(_ x: Tensor) -> Tensor { x * Tensor(x.scalars.map { abs($0) }, shape: x.shape) }
    }
  }
#endif
