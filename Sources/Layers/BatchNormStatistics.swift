import AviaryTensors

extension Layer {
  /// Estimates the running statistics of batch normalisation anew: as the means over `batches` of what the batches have,
  /// with the weights as they are and with nothing dropped. Statistics that are frozen stay.
  ///
  /// Running statistics lag behind the weights (Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021), and where dropout
  /// stands before a normalisation they are those of noisier values than a network in use has (Li et al., "Understanding the
  /// Disharmony between Dropout and Batch Normalization by Variance Shift", 2019). PyTorch's `swa_utils.update_bn` does
  /// the former and leaves dropout on.
  ///
  ///     model.estimateStatistics(over: images) { _ = model($0) }
  ///
  /// - Parameters:
  ///   - batches: Without any, the statistics stay.
  ///   - forward: runs the model on a batch; what comes out is not used.
  public func estimateStatistics<Batches: Sequence>(
    over batches: Batches, _ forward: (Batches.Element) throws -> Void
  ) rethrows {
    let norms = Walk.layers(of: self).compactMap { $0.layer as? BatchNorm }.filter { !$0.runningMean.isFrozen }
    guard !norms.isEmpty else { return }
    let kept = norms.map { (momentum: $0.momentum.value, batches: $0.numBatchesTracked.value) }
    defer {
      for (norm, kept) in zip(norms, kept) {
        norm.momentum.assign(kept.momentum)
        norm.numBatchesTracked.value = kept.batches
      }
    }
    for (index, batch) in batches.enumerated() {
      // The first batch replaces what was there, and each has the same share in the end.
      for norm in norms { norm.momentum.assign(1 / Float(index + 1)) }
      try withMode(.training, dropping: false) { try forward(batch) }
    }
  }

  /// Whether `forward` drops something before it normalises a batch, so that statistics gathered in training are not those
  /// of a network in use. It is run, in inference mode, only where the model has layers of both kinds; what counts is the
  /// order in which it calls them.
  public func dropsBeforeNormalizing(_ forward: () throws -> Void) rethrows -> Bool {
    let layers = namedLayers.map { $0.layer }
    guard learnsFromStatistics, layers.contains(where: Self.drops) else { return false }
    let order = try executionOrder { try inference { try forward() } }.map { $0.layer }
    guard let first = order.firstIndex(where: Self.drops) else { return false }
    return order[first...].contains { $0 is BatchNorm }
  }

  /// Whether training changes statistics that are not frozen.
  public var learnsFromStatistics: Bool { buffers.contains { $0.isGathered && !$0.isFrozen } }

  private static func drops(_ layer: any Layer) -> Bool { (layer as? any DroppingLayer)?.drops == true }
}

/// A layer that leaves out some of its input in training.
protocol DroppingLayer: Layer {
  /// Whether it leaves out anything at all.
  var drops: Bool { get }
}

extension Dropout: DroppingLayer {
  var drops: Bool { rate > 0 }
}

extension ChannelDropout: DroppingLayer {
  var drops: Bool { rate > 0 }
}

extension DropBlock2d: DroppingLayer {
  var drops: Bool { rate > 0 }
}
