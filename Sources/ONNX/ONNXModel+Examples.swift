#if ONNX
  import AviaryCheckpoints
  import AviaryTensors

  extension ONNXModel {
    /// Inputs that are drawn from a seed, and what the network itself makes of them: for a comparison with another runtime.
    /// Arrays are called `0/NAME`, for a batch of three, and `1/NAME`, for a batch of one, which is not whole where it is
    /// a sequence.
    ///
    /// Not of models with preprocessing, float16 or probabilities, whose numbers differ from the network's.
    public func examples(seed: UInt64 = 0) -> Checkpoint {
      var checkpoint = Checkpoint()
      for (number, batch) in [3, 1].enumerated() {
        func candidate(beyond: Int) -> [Int] {
          program.symbols.map { symbol in
            let isCount = symbol.name == "batch" || symbol.name == "graphs"
            return isCount ? batch : symbol.other + beyond
          }
        }
        // The size after that of a trace is not always one that the layers take.
        let next = candidate(beyond: 1 - number)
        let sizes = program.takes(next) ? next : candidate(beyond: 0)
        let probe = program.probe(
          sizes, seed: seed &+ 1000 &+ UInt64(number), pattern: number == 0 ? .ends : .scattered)
        for (port, value) in zip(inputs, probe.inputs) {
          let array: StoredArray
          switch value {
          case .numbers(let tensor): array = StoredArray(tensor)
          case .integers(let integers):
            array = StoredArray(integers.scalars.map { Int64($0) }, shape: integers.shape)
          }
          checkpoint.append(array, at: "\(number)/\(port.name)")
        }
        for (port, tensor) in zip(outputs, probe.tensors) {
          let values = options.target.map { target in tensor.scalars.map { Float(target.restored($0)) } }
          checkpoint.append(
            StoredArray(values ?? tensor.scalars, shape: tensor.shape), at: "\(number)/\(port.name)")
        }
      }
      return checkpoint
    }
  }
#endif
