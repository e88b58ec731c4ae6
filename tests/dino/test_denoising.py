"""Denoising queries: their layout, their noise and who may see whom."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.dino.small_dino import make_targets
from training_code.dino.boxes import cxcywh_to_xyxy, inverse_sigmoid
from training_code.dino.denoising import DenoisingQueries, RandomDraws, attention_mask, make_denoising_queries


def queries_for(
    counts: list[int], *, dn_number: int = 12, label_noise: float = 0.0, box_noise: float = 0.0
) -> tuple[DenoisingQueries | None, list[Tensor], list[Tensor], nn.Embedding]:
    torch.manual_seed(0)
    targets = make_targets(counts)
    labels, boxes = [target["labels"] for target in targets], [target["boxes"] for target in targets]
    embedding = nn.Embedding(4, 8)
    made = make_denoising_queries(
        labels,
        boxes,
        label_embedding=embedding,
        num_classes=3,
        dn_number=dn_number,
        label_noise=label_noise,
        box_noise=box_noise,
        draws=RandomDraws(),
    )
    return made, labels, boxes, embedding


def test_each_group_holds_all_boxes_as_positives_and_then_as_negatives() -> None:
    queries, labels, boxes, embedding = queries_for([2, 0, 5])
    assert queries is not None
    assert (queries.groups, queries.slots, queries.count) == (2, 5, 20)
    for image, (own_labels, own_boxes) in enumerate(zip(labels, boxes, strict=True)):
        for start in (0, 5, 10, 15):
            here = slice(start, start + len(own_labels))
            torch.testing.assert_close(queries.content[image, here], embedding(own_labels))
            torch.testing.assert_close(queries.box_logits[image, here], inverse_sigmoid(own_boxes))
            unused = slice(start + len(own_labels), start + 5)
            assert not queries.content[image, unused].any() and not queries.box_logits[image, unused].any()


def test_few_denoising_queries_never_become_many_groups() -> None:
    for dn_number, fullest, groups in ((100, 7, 14), (20, 50, 1), (49, 10, 4), (1, 1, 1), (100, 300, 1)):
        queries, *_ = queries_for([1, fullest], dn_number=dn_number)
        assert queries is not None and queries.groups == groups


def test_there_are_none_without_boxes_or_with_denoising_off() -> None:
    assert queries_for([0, 0])[0] is None
    assert queries_for([3], dn_number=0)[0] is None


def test_half_of_label_noise_is_the_share_of_labels_drawn_again() -> None:
    queries, labels, *_ = queries_for([1] * 400, dn_number=20, label_noise=0.5)
    assert queries is not None
    changed = (queries.labels.view(queries.groups, 2, -1) != torch.cat(labels)).float().mean()
    assert 0.14 < changed < 0.19  # a quarter is drawn again, a third of these gets its own label again


def test_positives_move_by_less_than_half_a_side_and_negatives_by_more() -> None:
    queries, _, boxes, _ = queries_for([6], dn_number=600, box_noise=1.0)
    assert queries is not None
    noised = cxcywh_to_xyxy(queries.box_logits.sigmoid()[0].view(-1, 2, 6, 4))
    half_sides = boxes[0][:, 2:].repeat(1, 2) / 2
    true = cxcywh_to_xyxy(boxes[0])
    moved = ((noised - true) / half_sides).abs()
    untouched = (noised > 0.01) & (noised < 0.99)  # away from the image's edge, where noise is cut off
    positive, negative = moved[:, 0][untouched[:, 0]], moved[:, 1][untouched[:, 1]]
    # A negative's corners may pass each other, which the sigmoid's cut-off hides: most of them must be far, not all.
    assert positive.max() < 1.01 and (negative > 0.99).float().mean() > 0.5 and negative.max() < 2.01


def test_matching_queries_see_no_denoising_ones_and_groups_see_only_themselves_and_matching_ones() -> None:
    blocked = attention_mask(groups=2, slots=3, num_matching=4, device=torch.device("cpu"))
    visible = ~blocked
    assert visible[:6, :6].all() and not visible[:6, 6:12].any() and visible[:6, 12:].all()
    assert visible[6:12, 6:12].all() and not visible[6:12, :6].any() and visible[6:12, 12:].all()
    assert visible[12:, 12:].all() and not visible[12:, :12].any()
